"""`onhook flow new|import|schema|validate`: what works alone, as its user meets it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from command import onhook
from flows import a_flow, a_request

EXAMPLES = sorted((Path(__file__).parents[2] / "deploy" / "flows").glob("*.yaml"))


@pytest.mark.parametrize("words", [(), ("--start",), ("--yaml",), ("--start", "--yaml")])
async def test_a_new_flow_validates_as_it_is_printed(tmp_path: Path, words: tuple[str, ...]):
    made = await onhook("flow", "new", "My_Flow", *words, cwd=tmp_path)
    assert (made.status, made.err) == (0, "")
    checked = await onhook("flow", "validate", "-", cwd=tmp_path, stdin=made.out.encode())
    assert checked.status == 0
    assert checked.out.splitlines()[-1].startswith("stdin: My_Flow valid")


async def test_a_new_flow_conforms_to_the_schema_that_is_printed(tmp_path: Path):
    schema = await onhook("flow", "schema", cwd=tmp_path)
    made = await onhook("flow", "new", cwd=tmp_path)
    assert made.json["$schema"] == "flow.schema.json"
    Draft202012Validator(schema.json).validate(made.json)


async def test_the_example_flows_validate_together(tmp_path: Path):
    files = [str(path) for path in EXAMPLES]
    done = await onhook("flow", "validate", *files, cwd=tmp_path)
    assert (done.status, done.err) == (0, ""), done.out
    assert ": error " not in done.out
    as_json = await onhook("flow", "validate", *files, "--json", cwd=tmp_path)
    assert as_json.json["is_valid"]
    assert [each["file"] for each in as_json.json["files"]] == files


async def test_validation_says_what_each_request_does_when_it_fails(tmp_path: Path):
    (example,) = [path for path in EXAMPLES if path.name == "lookup_and_pop.yaml"]
    done = await onhook("flow", "validate", str(example), "--json", cwd=tmp_path)
    told = {
        finding["node"]: finding["message"]
        for finding in done.json["files"][0]["findings"]
        if finding["severity"] == "info"
    }
    assert "continue" in told["LookUp"]
    assert "deliver" in told["Tell"]


async def test_findings_name_severity_code_node_and_remedy(tmp_path: Path):
    broken = a_flow("Broken", a_request("Post", "", httpRequestBody='{"a": '))
    (tmp_path / "broken.json").write_bytes(msgspec.json.encode(broken))
    done = await onhook("flow", "validate", "broken.json", cwd=tmp_path)
    assert done.status == 1
    assert 'broken.json: error FC1015 node "Post": url is empty; set httpRequestUrl' in done.out
    assert done.out.splitlines()[-1].startswith("broken.json: Broken cannot be published, ")
    as_json = await onhook("flow", "validate", "broken.json", "--json", cwd=tmp_path)
    assert as_json.status == 1
    (checked,) = as_json.json["files"]
    assert not checked["is_valid"]
    assert {"code", "severity", "message", "remedy", "node"} <= set(checked["findings"][0])


async def test_a_field_that_nothing_reads_is_told(tmp_path: Path):
    flow = a_flow("F", a_request("Post", "https://example.com/")) | {"descripton": "x"}
    (tmp_path / "f.json").write_bytes(msgspec.json.encode(flow))
    done = await onhook("flow", "validate", "f.json", cwd=tmp_path)
    assert done.status == 0
    assert "f.json: warning OH1008 " in done.out


async def test_a_file_that_is_no_flow_is_an_error_among_the_others(tmp_path: Path):
    (tmp_path / "no.yaml").write_text("a: [")
    (tmp_path / "empty.json").write_text("{}")
    made = await onhook("flow", "new", cwd=tmp_path)
    (tmp_path / "good.json").write_text(made.out)
    done = await onhook("flow", "validate", "no.yaml", "good.json", "empty.json", cwd=tmp_path)
    assert done.status == 1
    assert "no.yaml: error OH1000 " in done.out
    assert "good.json: Main_Flow valid" in done.out
    assert "empty.json: error OH1000 " in done.out


async def test_a_file_that_cannot_be_read_is_wrong_usage(tmp_path: Path):
    for name in ("missing.json", str(tmp_path)):
        done = await onhook("flow", "validate", name, cwd=tmp_path)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
        assert done.err.startswith(f"onhook: {name}: ")
    nothing = await onhook("flow", "validate", cwd=tmp_path)
    assert nothing.status == 2


async def test_a_secure_variable_that_must_wait_needs_a_key_on_a_broker(tmp_path: Path):
    token = {"name": "Token", "value": "s3cr3t", "isSecure": True}
    post = a_request("Post", "https://x.example/", httpRequestHeaders={"X-Token": "{{Token}}"})
    (tmp_path / "flow.json").write_bytes(
        msgspec.json.encode(a_flow("Main_Flow", post, variables=(token,)))
    )
    words = ("flow", "validate", "flow.json")
    embedded = await onhook(*words, cwd=tmp_path)
    assert embedded.status == 0, embedded.out
    broker = {"amqp_url": "amqp://127.0.0.1:9/"}
    without = await onhook(*words, cwd=tmp_path, **broker)
    assert without.status == 1
    assert "ONHOOK_RUN_KEY" in without.out
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    sealed = await onhook(*words, cwd=tmp_path, run_key=key, **broker)
    assert sealed.status == 0, sealed.out


async def test_an_import_prints_the_flow_alone_and_tells_the_rest_on_stderr(tmp_path: Path):
    done = await onhook("flow", "import", str(EXAMPLES[0]), cwd=tmp_path)
    assert done.status == 0
    assert done.json["name"]
    assert done.err
    wrong = await onhook("flow", "import", "-", cwd=tmp_path, stdin=b"[]")
    assert (wrong.status, wrong.out) == (1, "")
    missing = await onhook("flow", "import", "none.json", cwd=tmp_path)
    assert (missing.status, missing.out, missing.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_completion_knows_every_command_and_action(tmp_path: Path, shell: str):
    done = await onhook("completion", shell, cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    for word in ("template", "override", "validate", "unpublish", "AgentDisconnect", "dry-run"):
        assert word in done.out
