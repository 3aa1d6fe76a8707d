"""A handler as older samples write it: a constructor that makes a boto3 client for each service it may ever need."""

import boto3


class Handler:
    def __init__(self) -> None:
        self.codebuild = boto3.client("codebuild")
        self.codecommit = boto3.client("codecommit")
        self.codepipeline = boto3.client("codepipeline")
        self.s3 = boto3.client("s3")
        self.sns = boto3.client("sns")
        self.cloudwatch = boto3.client("cloudwatch")


handler = Handler()
