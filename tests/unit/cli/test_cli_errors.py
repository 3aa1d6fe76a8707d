import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ParamValidationError

from buildgate.domain import errors as domain
from buildgate_cli.errors import ExitCode, UserError, as_user_error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (domain.Rejected("no"), ExitCode.REFUSED),
        (domain.NotFound("no"), ExitCode.REFUSED),
        (domain.Conflict("no"), ExitCode.REFUSED),
        (domain.Busy("later"), ExitCode.UNAVAILABLE),
        (domain.Corrupt("odd"), ExitCode.INCONCLUSIVE),
        (NoCredentialsError(), ExitCode.USAGE),
        (ParamValidationError(report="x"), ExitCode.USAGE),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), ExitCode.UNAVAILABLE),
        (FileNotFoundError(2, "No such file", "x.yaml"), ExitCode.USAGE),
        (PermissionError(13, "Permission denied", "x.yaml"), ExitCode.USAGE),
    ],
)
def test_each_known_error_has_its_exit_code(error: Exception, code: ExitCode) -> None:
    found = as_user_error(error)

    assert found is not None
    assert found.exit_code == code


@pytest.mark.parametrize(
    ("code", "status", "exit_code"),
    [("AccessDeniedException", 400, 1), ("InternalFailure", 500, 3), ("ThrottlingException", 400, 3), ("X", 404, 1)],
)
def test_what_aws_refuses_names_the_operation(code: str, status: int, exit_code: int) -> None:
    response = {"Error": {"Code": code, "Message": "said"}, "ResponseMetadata": {"HTTPStatusCode": status}}

    found = as_user_error(ClientError(response, "CreateProject"))  # type: ignore[arg-type]

    assert found is not None
    assert found.exit_code == exit_code
    assert "CreateProject" in found.message
    assert "said" in found.message


def test_refusals_that_people_meet_often_have_a_way_out() -> None:
    arn = "arn:aws:codebuild:eu-west-1:111122223333:project/shop-unit"
    response = {"Error": {"Code": "ResourceNotFoundException", "Message": f"Project cannot be found: {arn}"}}

    found = as_user_error(ClientError(response, "StartBuild"))  # type: ignore[arg-type]

    assert found is not None
    assert found.message == "There is no project shop-unit."
    assert "buildgate project list" in str(found.fix)


def test_the_field_and_the_fix_of_a_rule_reach_the_person() -> None:
    found = as_user_error(domain.Rejected("unknown stage", field="stage", fix="name one that exists"))

    assert found is not None
    assert (found.message, found.fix) == ("stage: unknown stage", "name one that exists")


def test_a_defect_is_not_taken_for_a_users_mistake() -> None:
    assert as_user_error(KeyError("x")) is None
    assert as_user_error(OSError("no file in it")) is None


def test_a_user_error_is_itself() -> None:
    error = UserError("no", "yes", 4)

    assert as_user_error(error) is error
