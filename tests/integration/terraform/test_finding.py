import pytest

from tools.shell import ToolError
from tools.terraform.binary import PROVIDER, binary, environment, init_command, mirror


def mirrored(folder, version="5.100.0"):
    """Lay out a mirror as the registry does."""
    (folder / PROVIDER / version / "linux_amd64").mkdir(parents=True)
    return folder


def test_a_mirror_is_found_below_a_usual_folder(tmp_path):
    """The mirror's folder may have any name: it is known by the registry's tree in it."""
    (tmp_path / "other").mkdir()
    folder = mirrored(tmp_path / "tf-plugins")
    assert mirror({}, [tmp_path / "missing", tmp_path]) == folder


def test_a_packed_mirror_is_found(tmp_path):
    """A mirror of zips, as `terraform providers mirror` makes it, is one too."""
    (tmp_path / PROVIDER).mkdir(parents=True)
    (tmp_path / PROVIDER / "terraform-provider-aws_5.100.0_linux_amd64.zip").touch()
    assert mirror({}, [tmp_path]) == tmp_path


def test_a_mirror_of_another_version_is_none(tmp_path):
    """Only the version that was tested counts; otherwise init asks the registry."""
    mirrored(tmp_path, "5.31.0")
    assert mirror({}, [tmp_path]) is None


def test_init_takes_the_mirror(tmp_path):
    """With a mirror init gets the option for it; the explicit setting wins over every usual folder."""
    mirrored(tmp_path)
    settings = {"TRAPLINE_TERRAFORM_MIRROR": str(tmp_path)}
    command = init_command("terraform", tmp_path, environ=settings, options=["-backend=false"])
    assert command[-2:] == ["-backend=false", f"-plugin-dir={tmp_path}"]


def test_settings_that_name_nothing_are_refused(tmp_path):
    """A wrong setting raises an error, and is not passed over."""
    with pytest.raises(ToolError, match="TRAPLINE_TERRAFORM_MIRROR"):
        mirror({"TRAPLINE_TERRAFORM_MIRROR": str(tmp_path)})
    with pytest.raises(ToolError, match="TRAPLINE_TERRAFORM="):
        binary({"TRAPLINE_TERRAFORM": str(tmp_path / "terraform")})


def test_a_settings_file_that_is_not_there_is_left_out(tmp_path):
    """Terraform would put a warning about it into every answer."""
    settings = environment({"TF_CLI_CONFIG_FILE": str(tmp_path / "missing")}, data=tmp_path)
    assert "TF_CLI_CONFIG_FILE" not in settings
    assert settings["TF_DATA_DIR"] == str(tmp_path)
