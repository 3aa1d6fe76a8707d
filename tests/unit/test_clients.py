"""The one door to the AWS SDK."""

from buildgate.runtime.clients import Session


def made_by(session):
    made = []

    class Client:
        def __init__(self, service):
            made.append(service)
            self.meta = service

        def call(self):
            return f"called {self.meta}"

    session.make = Client
    return made


def test_a_client_is_made_at_its_first_call_and_once():
    session = Session()
    made = made_by(session)

    client = session.client("sns")

    assert made == []
    assert [client.call(), session.client("sns").call()] == ["called sns", "called sns"]
    assert made == ["sns"]


def test_warming_makes_the_clients_that_every_event_needs_and_no_other():
    session = Session()
    made = made_by(session)
    session.client("sns")

    session.warm("dynamodb", "codebuild")

    assert made == ["dynamodb", "codebuild"]


def test_a_client_is_a_botocore_client_with_retries_and_our_name():
    client = Session().client("dynamodb")

    assert client.meta.service_model.service_name == "dynamodb"
    assert client.meta.config.user_agent_extra == "buildgate"
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 5}
