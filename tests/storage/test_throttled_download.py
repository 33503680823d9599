"""A store that refuses a download for the moment is no store whose object is gone (D6)."""

import pytest
from botocore.exceptions import ClientError

from reconciler.core.model import S3Storage
from reconciler.errors import StorageFailed
from reconciler.storage.s3 import S3Store


class Refusing:
    def __init__(self, code: str) -> None:
        self._code = code

    def download_file(self, *_, **__) -> None:
        raise ClientError({"Error": {"Code": self._code, "Message": "said so"}}, "GetObject")


@pytest.mark.parametrize(("code", "passing", "gone"), [("SlowDown", True, False), ("503", True, False), ("404", False, True)])
def test_only_an_object_that_is_not_there_is_called_gone(tmp_path, code, passing, gone):
    store = S3Store(S3Storage("bucket", "backups"), lambda: None, lambda *_: Refusing(code))

    with pytest.raises(StorageFailed) as failed:
        store.fetch("a/b", tmp_path)

    assert (failed.value.passing, str(failed.value).endswith("the object is gone")) == (passing, gone)
