"""What a destination must do that takes large files in parts, and keeps them when we die."""

import json
from typing import Any

import pytest

from filesync_dagster.connectors.destination import Destination, Part, Precondition, ResumableDestination, Upload
from filesync_dagster.core.errors import ContentMismatch, Foreign, NotFound, SourceError
from filesync_dagster.core.model import Meter
from filesync_dagster.testing.destination_place import TAGS, DestinationPlace, pattern, put, stream
from filesync_dagster.testing.destination_write_suite import OLD, DestinationPlaceSuite

Sent = tuple[Upload, dict[str, Any], list[Part]]


class DestinationPartSuite(DestinationPlaceSuite):
    """Tests of a ResumableDestination; of others they are skipped."""

    @pytest.fixture
    def resumable(self, destination: Destination) -> ResumableDestination:
        """Return the destination."""
        if not isinstance(destination, ResumableDestination):
            pytest.skip("this destination takes no parts")
        return destination

    @pytest.fixture
    def content(self, resumable: ResumableDestination) -> bytes:
        """Return a content of three parts."""
        return pattern(self._part_size(resumable) * 2 + 12_345)

    @pytest.fixture
    def upload_of_three(self, resumable: ResumableDestination, content: bytes) -> Sent:
        """Send all parts, the last one first; nothing is published yet."""
        return self._send(resumable, "f/large", content, [3, 1, 2])

    def test_parts(
        self, place: DestinationPlace, resumable: ResumableDestination, content: bytes, upload_of_three: Sent
    ) -> None:
        """In any order; what they make has the name when it is complete, and not before."""
        upload, resume, parts = upload_of_three
        assert resumable.facts.resumable
        assert place.read("f/large") is None

        receipt = resumable.complete(upload, resume, parts)

        found = resumable.stat("f/large")
        assert place.read("f/large") == content
        assert place.paths() == {"f/large"}
        assert found is not None
        assert (receipt.version, receipt.size) == (found.version, len(content))
        assert not found.tags or {name: found.tags.get(name) for name in TAGS} == TAGS

    def test_another_process_goes_on(
        self, place: DestinationPlace, resumable: ResumableDestination, content: bytes
    ) -> None:
        """With what was noted of the upload as JSON: it finds the parts that are there, and sends the others."""
        upload, resume, parts = self._send(resumable, "f/large", content, [2])
        resumable.close()
        other = place.open(Meter())
        assert isinstance(other, ResumableDestination)
        noted = json.loads(json.dumps(resume))

        assert other.parts(upload, noted) == parts
        more = [other.put_part(upload, noted, number, self._piece(content, noted, number)) for number in (1, 3)]
        other.complete(upload, noted, sorted([*parts, *more], key=lambda part: part.number))

        assert place.read("f/large") == content
        other.close()

    @pytest.mark.parametrize("trouble", ["missing", "twice", "other"])
    def test_parts_that_are_not_there(
        self, place: DestinationPlace, resumable: ResumableDestination, content: bytes, trouble: str
    ) -> None:
        """What was noted of a part is not believed: what the store has is asked for, and nothing half is published."""
        upload, resume, parts = self._send(resumable, "f/large", content, [1, 2, 3])
        match trouble:
            case "missing":
                upload, resume, _ = self._send(resumable, "f/large", content, [1, 3])
            case "twice":  # the last one with another content, which was not noted
                try:
                    resumable.put_part(upload, resume, 3, stream(bytes(reversed(content[-12_345:]))))
                except SourceError:
                    pytest.skip("no part can be sent twice here")
            case "other":
                parts = parts[:2]

        with pytest.raises(SourceError):
            resumable.complete(upload, resume, parts)

        assert place.read("f/large") is None

    def test_a_part_that_is_short(self, resumable: ResumableDestination, content: bytes) -> None:
        """It is not one."""
        upload, resume, _ = self._send(resumable, "f/large", content, [])

        with pytest.raises(ContentMismatch):
            resumable.put_part(upload, resume, 1, stream(content[:100], size=int(resume["part_size"])))

        assert resumable.parts(upload, resume) == []

    def test_an_upload_that_is_given_up(
        self, place: DestinationPlace, resumable: ResumableDestination, upload_of_three: Sent
    ) -> None:
        """Twice, even; then nothing is known of it."""
        upload, resume, parts = upload_of_three

        resumable.abort(upload, resume)
        resumable.abort(upload, resume)

        assert resumable.parts(upload, resume) is None
        with pytest.raises(NotFound):
            resumable.complete(upload, resume, parts)
        assert place.paths() == set()

    def test_a_stranger_comes_meanwhile(
        self, place: DestinationPlace, resumable: ResumableDestination, upload_of_three: Sent
    ) -> None:
        """It is left alone."""
        place.put("f/large", OLD)

        with pytest.raises(Foreign):
            resumable.complete(*upload_of_three)

        assert place.read("f/large") == OLD

    def test_an_answer_to_the_last_step_that_was_lost(
        self, place: DestinationPlace, resumable: ResumableDestination, upload_of_three: Sent, content: bytes
    ) -> None:
        """What is complete is complete."""
        first = resumable.complete(*upload_of_three)

        again = resumable.complete(*upload_of_three)

        assert (again.version, again.size, place.read("f/large")) == (first.version, first.size, content)

    def test_an_update_in_parts(self, place: DestinationPlace, resumable: ResumableDestination, content: bytes) -> None:
        """The old content stays until all is there."""
        version = put(resumable, "f/large", OLD).version
        upload_of_three = self._send(resumable, "f/large", content, [1, 2, 3], Precondition(version))
        assert place.read("f/large") == OLD

        resumable.complete(*upload_of_three)

        assert place.read("f/large") == content

    def _part_size(self, resumable: ResumableDestination) -> int:
        upload = Upload(path="probe", size=resumable.resumable_from())
        resume = resumable.begin(upload)
        resumable.abort(upload, resume)
        return int(resume["part_size"])

    def _send(
        self,
        resumable: ResumableDestination,
        path: str,
        content: bytes,
        numbers: list[int],
        expected: Precondition = Precondition(),  # noqa: B008 - it never changes
    ) -> Sent:
        upload = Upload(path=path, size=len(content), tags=TAGS, expected=expected)
        resume = resumable.begin(upload)
        parts = [resumable.put_part(upload, resume, number, self._piece(content, resume, number)) for number in numbers]
        return upload, resume, sorted(parts, key=lambda part: part.number)

    def _piece(self, content: bytes, resume: dict[str, Any], number: int) -> Any:
        size = int(resume["part_size"])
        return stream(content[(number - 1) * size : number * size])
