from tools.workspace.pip_settings import pip_settings, uv_environment

SETTINGS = {"index-url": "https://a.example/simple", "cert": "ca.pem"}


def test_pip_settings_reach_uv():
    """Uv gets the index and certificates that pip has; a variable of uv's own wins."""
    environ = uv_environment(settings=SETTINGS, environ={"SSL_CERT_FILE": "mine.pem"})
    assert environ == {"UV_DEFAULT_INDEX": "https://a.example/simple", "SSL_CERT_FILE": "mine.pem"}


def test_extra_indexes_are_for_installations_only(tmp_path):
    """An installation sees every index that pip sees, as pip does; a lock is made from the default one alone."""
    (tmp_path / "wheels").mkdir()
    extra = f"https://b.example file://{tmp_path}/wheels file://{tmp_path}/missing"
    settings = SETTINGS | {"extra-index-url": extra, "find-links": f"{tmp_path}/wheels {tmp_path}/missing"}
    environ = uv_environment(settings=settings, environ={})
    assert environ["UV_INDEX"] == f"https://b.example file://{tmp_path}/wheels"
    assert environ["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert environ["UV_FIND_LINKS"] == f"{tmp_path}/wheels"
    locking = uv_environment(settings=settings, environ={}, only_default_index=True)
    assert locking == uv_environment(settings=SETTINGS, environ={})


def test_pips_files_and_variables_are_read(tmp_path, monkeypatch):
    """Both ways in which a person configures pip are found."""
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://a.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_PROXY", "http://proxy.example:1")
    assert (
        pip_settings().items() >= {"index-url": "https://a.example/simple", "proxy": "http://proxy.example:1"}.items()
    )
