"""What the emulator does otherwise than AWS, put right: one topic per module, each joint checked before it is used."""
