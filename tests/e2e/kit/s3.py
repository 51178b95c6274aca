# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""A private S3 server (versitygw) over a folder that is gone after the tests."""
import pathlib
import shutil
import tempfile

from pyarrow import fs

from . import paths
from .process import Process, free_port, wait_for

KEY, SECRET = "AMPTESTKEY", "amptests3cret"


class ScratchS3:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="amp-s3-", dir="/var/tmp"))
        for name in ("data", "iam"):
            (self.folder / name).mkdir()
        self.port = free_port()
        self._start()
        self.files = fs.S3FileSystem(access_key=KEY, secret_key=SECRET, endpoint_override=f"127.0.0.1:{self.port}",
                                     scheme="http", region="us-east-1", allow_bucket_creation=True,
                                     allow_bucket_deletion=True)
        wait_for(self._answers, 30, "the S3 server")

    def _start(self):
        self.process = Process([paths.versitygw(), "--port", f"127.0.0.1:{self.port}", "--access", KEY, "--secret",
                                SECRET, "--iam-dir", self.folder / "iam", "posix", self.folder / "data"])

    def _answers(self):
        try:
            self.files.get_file_info(fs.FileSelector(""))
            return True
        except OSError:
            return False

    def new_bucket(self, name: str) -> str:
        """Its URL; credentials are in environment()."""
        self.files.create_dir(name)
        return f"s3://{name}?scheme=http&endpoint_override=127.0.0.1:{self.port}&region=us-east-1"

    @staticmethod
    def environment() -> dict:
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}

    def restart(self, while_down):
        self.process.kill()
        while_down()
        self._start()
        wait_for(self._answers, 30, "the S3 server")

    def stop(self):
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
