"""What the layer holds."""


def greet(word: str) -> str:
    """Return a greeting."""
    return f"{word} from the layer"
