"""Private or undocumented interfaces of other packages that Toolmark uses: one test for each.

A failure means that a new version of a package changed such an interface. The message says which code relies on it. The
upper bounds of these packages in pyproject.toml are raised when these tests pass with the new version.
"""

from __future__ import annotations

import inspect
import json
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra `train` is not installed")


# transformers: attention of a model is replaced for one forward pass (benchmark/engine/prefix_attention.py,
# packed_forward.py, trainers/finetuning/batch_layout.py)

SMALL = {
    "vocab_size": 32,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "pad_token_id": 0,
}
REPLACED = (
    "is replaced by setting config._attn_implementation between two passes: see benchmark/engine/packed_forward.py"
)


@pytest.fixture(params=["gemma3", "llama", "qwen3"])
def model(request: pytest.FixtureRequest) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, Qwen3Config

    layers = ["sliding_attention", "full_attention"]
    config = {
        "gemma3": lambda: Gemma3TextConfig(**SMALL, sliding_window=4, layer_types=layers),
        "llama": lambda: LlamaConfig(**SMALL),
        "qwen3": lambda: Qwen3Config(**SMALL),
    }[request.param]()
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


@pytest.fixture
def seen(model: Any) -> list[dict[str, Any]]:
    """What the replaced attention was called with, layer by layer, in one pass over four tokens."""
    import torch
    from transformers import AttentionInterface

    calls: list[dict[str, Any]] = []

    def attention(module: Any, query: Any, key: Any, value: Any, mask: Any, **given: Any) -> tuple[Any, None]:
        calls.append({"module": module, "query": query, "key": key, "value": value, "mask": mask, **given})
        return query.transpose(1, 2), None

    AttentionInterface.register("toolmark_canary", attention)
    config = model.config.get_text_config()
    own, config._attn_implementation = config._attn_implementation, "toolmark_canary"
    try:
        with torch.inference_mode():
            output = model(
                input_ids=torch.tensor([[1, 2, 3, 4]]),
                position_ids=torch.tensor([[0, 1, 0, 1]]),
                use_cache=False,
                logits_to_keep=torch.tensor([1, 3]),
                toolmark_pass="passed through",
            )
    finally:
        config._attn_implementation = own
    assert output.logits.shape[:2] == (1, 2), "logits_to_keep does not take a tensor of positions any more"
    return calls


def test_transformers_takes_another_attention_between_two_passes(model, seen):
    import torch

    assert len(seen) == SMALL["num_hidden_layers"], f"the attention of transformers {REPLACED}"
    with torch.inference_mode():
        model(input_ids=torch.tensor([[1, 2, 3, 4]]), use_cache=False)
    assert len(seen) == SMALL["num_hidden_layers"], "the model's own attention does not come back"


def test_transformers_calls_an_attention_with_what_ours_reads(seen):
    for layer, call in enumerate(seen):
        assert call["module"].layer_idx == layer
        assert call["query"].shape == (1, 2, 4, 8), "queries are not (batch, heads, tokens, size) any more"
        assert call["key"].shape == call["value"].shape == (1, 1, 4, 8), "keys have as many heads as queries now"
        assert "scaling" in call, "`scaling` is not passed to an attention any more"
        assert call["toolmark_pass"] == "passed through", "a model does not hand unknown arguments to its attention"


def test_transformers_makes_no_mask_for_an_attention_without_a_mask_function(seen):
    assert [call["mask"] for call in seen] == [None, None], "a mask is made now: see `register` in prefix_attention.py"


def test_transformers_tells_the_window_of_a_layer(model, seen):
    if model.config.model_type.startswith("gemma3"):
        assert [call["sliding_window"] for call in seen] == [4, None]
    else:
        assert {call.get("sliding_window") for call in seen} == {None}


def test_transformers_saves_a_generic_tokenizer_under_a_name_that_we_know(tmp_path):
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    from toolmark.benchmark.engine.tokenizer import _GENERIC

    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(BPE())).save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "tokenizer_config.json").read_text())["tokenizer_class"]
    assert saved in _GENERIC, "benchmark/engine/tokenizer.py opens tokenizers of these classes without torch"


# peft: our LoRA layer (trainers/finetuning/adapted_linear.py, adapted_model.py), and adapters that are loaded
# (benchmark/engine/adapters.py)


@pytest.fixture
def adapted() -> Any:
    """A linear layer with an adapter, on which our own LoRA layer is used."""
    import torch
    from peft import LoraConfig, get_peft_model

    from toolmark.trainers.finetuning.adapted_linear import AdaptedLinear

    config = LoraConfig(r=2, target_modules=["0"])
    assert hasattr(config, "_register_custom_module"), "adapted_model.py registers AdaptedLinear with it"
    config._register_custom_module({torch.nn.Linear: AdaptedLinear})
    return get_peft_model(torch.nn.Sequential(torch.nn.Linear(4, 4)), config)


def test_peft_uses_a_layer_class_that_was_registered(adapted):
    from toolmark.trainers.finetuning.adapted_linear import AdaptedLinear

    assert isinstance(adapted.base_model.model[0], AdaptedLinear)


def test_pefts_layer_has_the_attributes_that_our_layer_reads(adapted):
    layer = adapted.base_model.model[0]
    assert list(layer.active_adapters) == ["default"]
    assert not layer.merged
    assert not layer.disable_adapters
    assert layer.get_base_layer().weight.shape == (4, 4)
    assert (layer.lora_A["default"].weight.shape, layer.lora_B["default"].weight.shape) == ((2, 4), (4, 2))
    assert isinstance(layer.scaling["default"], float)


def test_peft_says_which_keys_of_an_adapter_are_missing_or_unexpected(adapted, tmp_path):
    import torch
    from peft import PeftConfig, PeftModel
    from safetensors.torch import load_file, save_file

    adapted.save_pretrained(tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    weights = load_file(file)
    (lost,) = [name for name in weights if "lora_B" in name]
    weights["base_model.model.7.lora_A.weight"] = weights.pop(lost)
    save_file(weights, file)
    plain = torch.nn.Sequential(torch.nn.Linear(4, 4))
    model = PeftModel(plain, PeftConfig.from_pretrained(str(tmp_path)), adapter_name="mine")
    loaded = model.load_adapter(str(tmp_path), "mine", is_trainable=False, use_safetensors=True)
    assert any(".mine." in key for key in loaded.missing_keys), "benchmark/engine/adapters.py reads missing_keys"
    assert loaded.unexpected_keys, "benchmark/engine/adapters.py reads unexpected_keys"


# torch: the backward pass of our attention (trainers/finetuning/tree_attention.py)


def test_torch_has_the_backward_pass_of_softmax():
    import torch

    scores = torch.randn(2, 3, requires_grad=True)
    weights, gradient = scores.softmax(-1), torch.randn(2, 3)
    (expected,) = torch.autograd.grad(weights, scores, gradient)
    found = torch._softmax_backward_data(gradient, weights.detach(), -1, torch.float32)
    torch.testing.assert_close(found, expected)


# torch: attention that also returns the log-sum-exp (benchmark/engine/partial_attention.py)


def test_torch_has_attention_that_returns_the_log_sum_exp():
    import torch

    query, keys = torch.randn(1, 2, 3, 8), torch.randn(1, 2, 5, 8)
    _, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, keys, keys, 0.0, False, attn_mask=torch.zeros(3, 5), scale=0.5
    )
    torch.testing.assert_close(sums, (query @ keys.transpose(2, 3) * 0.5).logsumexp(-1))


# inspect-ai: the server's own response (benchmark/engine/served_requests.py, inspect_messages.py)


def test_inspect_records_the_servers_response_in_a_transcript_of_our_own():
    import asyncio

    from inspect_ai.event import ModelEvent
    from inspect_ai.log._transcript import Transcript, init_transcript
    from inspect_ai.model import ModelCall, ModelOutput, ModelUsage, get_model

    async def events() -> list[Any]:
        heard: list[Any] = []
        transcript = Transcript()
        transcript._subscribe(heard.append)
        init_transcript(transcript)
        answer = ModelOutput.from_content("mockllm/model", "Hello.")
        answer.usage = ModelUsage(input_tokens=1, output_tokens=1)  # else Inspect counts tokens with a downloaded file
        await get_model("mockllm/model", memoize=False, custom_outputs=[answer]).generate("Hello.")
        return [event for event in heard if isinstance(event, ModelEvent) and not event.pending]

    assert len({event.uuid for event in asyncio.run(events())}) == 1, (
        "served_requests.py reads the response from a transcript of its own"
    )
    assert {"error", "response"} <= ModelCall.model_fields.keys(), "served_requests.py reads both of a call"


# huggingface-hub: errors (benchmark/core/hub.py)


def test_the_hub_refuses_a_misspelt_id():
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    validate_repo_id("ORG/NAME")
    with pytest.raises(HFValidationError):
        validate_repo_id("ORG/NAME/MORE")


def test_the_hubs_constants_say_whether_it_may_be_asked():
    from huggingface_hub import constants

    assert isinstance(constants.HF_HUB_OFFLINE, bool)
    assert constants.ENDPOINT.startswith("http")


def test_the_hub_library_words_a_refused_card_as_we_tell_it_apart():
    from huggingface_hub import hf_api
    from huggingface_hub.utils import _http

    words = inspect.getsource(hf_api) + inspect.getsource(_http)
    assert "Invalid metadata" in words, "`upload` in benchmark/core/hub.py tells a refused card by these words"


# datasets (generators/dataset.py, benchmark/data/dataset.py)


def test_a_column_of_json_comes_back_as_it_was_written(tmp_path):
    import datasets

    rows = [{"messages": [{"arguments": {"a": 1}}]}, {"messages": [{"arguments": {"b": None}}]}]
    features = datasets.Features({"messages": datasets.Json()})
    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        datasets.Dataset.from_list(rows, features=features).save_to_disk(tmp_path / "rows")
    finally:
        if shown:
            datasets.enable_progress_bars()
    assert datasets.load_from_disk(tmp_path / "rows").to_list() == rows, "datasets.Json fills in keys of other rows"


def test_inspect_starts_and_ends_a_server_with_functions_that_can_be_replaced(monkeypatch):
    """benchmark/engine/started_servers.py replaces both functions."""
    from inspect_ai._util import local_server

    calls: list[Any] = []
    monkeypatch.setattr(local_server, "execute_shell_command", lambda command, **_: calls.append(command[0]))
    monkeypatch.setattr(local_server, "kill_process_tree", calls.append)
    process, *_ = local_server.launch_server_cmd(["a server"], "127.0.0.1", port=1)
    assert process is None
    local_server.terminate_process(SimpleNamespace(pid=5))
    assert calls == ["a server", 5]


# cyclopts (benchmark/plugins/commands.py, benchmark/cli.py)


def test_cyclopts_imports_a_command_only_when_it_is_called():
    from cyclopts import App

    app = App(name="canary")
    app.command("no_such_module:nothing", name="broken", help="Not imported by a list of commands.")
    with pytest.raises(SystemExit, match="0"):
        app(["--help"])
    with pytest.raises(ImportError):
        app(["broken"], exit_on_error=False, print_error=False)


def test_cyclopts_makes_flags_of_annotations_that_are_set_later():
    from typing import Annotated

    from cyclopts import App, Parameter
    from pydantic import BaseModel, Field

    class Options(BaseModel):
        shares: dict[str, float] = Field(default={"a": 1.0}, description="Shares.")

    found: list[tuple[int, Options]] = []

    def command(*, seed: int = 1, options: Any = None) -> None:
        found.append((seed, options))

    command.__annotations__ = {"seed": int, "options": Annotated[Options, Parameter(name="*")], "return": None}
    app = App(name="canary")
    app.command(command, name="run")
    for words, shares in ((["--shares.b", "0.5"], {"b": 0.5}), (["--shares", "{}"], {})):
        app(["run", *words], exit_on_error=False, result_action="return_value")
        assert found[-1][1].shares == shares, "benchmark/plugins/commands.py makes flags of a plug-in's options"


# mcp: the tools of a server are read one by one, without the check of the whole list (benchmark/tools/sources/mcp.py)


def test_a_request_of_mcp_can_be_sent_without_the_check_of_its_result() -> None:
    pytest.importorskip("mcp")
    from mcp import ClientSession
    from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher

    assert list(inspect.signature(JSONRPCDispatcher.send_raw_request).parameters)[1:4] == ["method", "params", "opts"]
    source = inspect.getsource(ClientSession.send_request)
    assert "self._stamp(data, opts)" in source
    assert "self._dispatcher.send_raw_request(" in source


# ray: listens only on the loopback address, and workers do not import from the current folder
# (benchmark/engine/workers/ray_connection.py)


def test_ray_has_the_switches_of_a_private_cluster() -> None:
    pytest.importorskip("ray")
    import ray
    from ray._private import ray_constants, services, worker

    assert all(f'kwargs.pop("{name}"' in inspect.getsource(worker.init) for name in ("_temp_dir", "_node_ip_address"))
    assert ray.job_config.JobConfig(_client_job=True)._client_job
    assert "if not job_config._client_job and" in inspect.getsource(worker.connect)
    assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" in inspect.getsource(ray_constants)
    assert "not ray_constants.ENABLE_RAY_CLUSTER" in inspect.getsource(services.get_node_ip_address)
