"""How repositories of other languages are tested, by the tool that their files name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildgate_cli.kinds.kind import MAKE_REPORTS, Kind, Reported, has_make_target, junit, text_of

if TYPE_CHECKING:
    from pathlib import Path

PLAIN: Final = Kind("plain", (), ('echo "Put the commands that test this repository here."',))


def maven(folder: Path) -> Kind | None:
    """Return how a Maven project is tested; its coverage is read where its `pom.xml` speaks of JaCoCo."""
    if not (folder / "pom.xml").is_file():
        return None
    program = "./mvnw" if (folder / "mvnw").is_file() else "mvn"
    reports = [junit("**/target/surefire-reports/TEST-*.xml", ".")]
    if "jacoco" in text_of(folder / "pom.xml"):
        reports.append(Reported("coverage", "JACOCOXML", "**/target/site/jacoco/jacoco.xml", "."))
    return Kind("maven", (), (f"{program} --batch-mode --no-transfer-progress verify",), tuple(reports))


def gradle(folder: Path) -> Kind | None:
    """Return how a Gradle build is tested."""
    if not any((folder / name).is_file() for name in ("build.gradle", "build.gradle.kts", "settings.gradle.kts")):
        return None
    program = "./gradlew" if (folder / "gradlew").is_file() else "gradle"
    return Kind("gradle", (), (f"{program} check",), (junit("**/build/test-results/**/*.xml", "."),))


def go(folder: Path) -> Kind | None:
    """Return how a Go module is tested."""
    if not (folder / "go.mod").is_file():
        return None
    test = "go run gotest.tools/gotestsum@latest --junitfile reports/junit.xml ./..."
    return Kind("go", (), (MAKE_REPORTS, "go vet ./...", test), (junit(),))


def rust(folder: Path) -> Kind | None:
    """Return how a crate or workspace of Cargo's is tested; `cargo test` leaves no report."""
    return Kind("rust", (), ("cargo test --all",)) if (folder / "Cargo.toml").is_file() else None


def dotnet(folder: Path) -> Kind | None:
    """Return how a .NET solution or project is tested."""
    if not any(any(folder.glob(glob)) for glob in ("*.sln", "*.slnx", "*.csproj", "*.fsproj")):
        return None
    reports = (Reported("tests", "VISUALSTUDIOTRX", "**/*.trx"),)
    return Kind("dotnet", (), ("dotnet test --logger trx --results-directory reports",), reports)


def ruby(folder: Path) -> Kind | None:
    """Return how a bundle is tested; RSpec leaves a JUnit file where the bundle holds its formatter."""
    if not (folder / "Gemfile").is_file():
        return None
    install = ("bundle install",)
    if not (folder / "spec").is_dir():
        return Kind("ruby", install, ("bundle exec rake test",))
    if any("rspec_junit_formatter" in text_of(folder / name) for name in ("Gemfile", "Gemfile.lock")):
        test = "bundle exec rspec --format progress --format RspecJunitFormatter --out reports/junit.xml"
        return Kind("ruby", install, (MAKE_REPORTS, test), (junit(),))
    return Kind("ruby", install, ("bundle exec rspec",))


def php(folder: Path) -> Kind | None:
    """Return how a Composer package with PHPUnit's configuration is tested."""
    if not (folder / "composer.json").is_file() or not any(folder.glob("phpunit*.xml*")):
        return None
    test = "vendor/bin/phpunit --log-junit reports/junit.xml"
    return Kind("php", ("composer install --no-interaction",), (MAKE_REPORTS, test), (junit(),))


def make(folder: Path) -> Kind | None:
    """Return how a folder is tested whose Makefile has a target `test`."""
    return Kind("make", (), ("make test",)) if has_make_target(folder, "test") else None
