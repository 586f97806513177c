"""train_adapter.py as a user runs it, on the tiny model: whole, deterministic, resumable."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from peft import PeftModel
from PIL import Image, ImageOps
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

import embed_items
from gen2embed.files import digest_file, write_parquet
from gen2embed.mining.clusters import ClusterTable, read_clusters, write_clusters
from gen2embed.training import trainer
from gen2embed.training.callbacks import ShowProgress
from gen2embed.training.objective import contrastive_loss

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "train_adapter.py"
spec = importlib.util.spec_from_file_location("train_adapter", SCRIPT)
train_adapter = importlib.util.module_from_spec(spec)
sys.modules["train_adapter"] = train_adapter
spec.loader.exec_module(train_adapter)


@pytest.fixture
def job(tiny, tmp_path):
    """Eight pairs of four queries and targets in two clusters."""
    texts = ["tram", "a red apple", "dog face", "<|image_1|>\nflag?"]
    items = pd.DataFrame({"item_id": range(4), "text": texts, "image_path": ["", "", "", "0.png"]})
    for side in ("query", "target"):
        write_parquet(tmp_path / f"{side}.parquet", items)
    pairs = pd.DataFrame(
        {
            "pair_id": np.arange(8),
            "query_id": np.arange(8) % 4,
            "target_id": (np.arange(8) + np.arange(8) // 4) % 4,
        }
    )
    write_parquet(tmp_path / "pairs.parquet", pairs, {"subset": "Toy"})
    table = ClusterTable(
        anchor_pair=np.array([0, 4]),
        phase=np.ones(2, dtype=np.int8),
        starts=np.array([0, 3, 6]),
        negative_pairs=np.array([1, 2, 3, 5, 6, 7]),
        hardness=np.zeros(6),
        overlap=np.zeros(6),
    )
    write_clusters(tmp_path / "clusters.parquet", table, {"strategy": "hns"})
    return {
        "model": str(tiny.folder), "prompt": "hierarchical",
        "pairs": [str(tmp_path / "pairs.parquet")],
        "clusters": [str(tmp_path / "clusters.parquet")],
        "query_items": str(tmp_path / "query.parquet"),
        "target_items": str(tmp_path / "target.parquet"),
        "image_root": str(tiny.images), "resolution": "native", "max_tokens": 256, "seed": 0,
        "steps": 6, "save_adapters_at": [2], "pairs_per_batch": 4, "chunk": 2, "caching": False,
        "temperature": 0.1, "mask_duplicates": True, "rate": 0.01, "warm_up": 1, "rank": 2,
        "alpha": 16, "dropout": 0.1, "dora": True, "threads": 1, "save_every": 2,
        "partial": str(tmp_path / "partial"), "out": str(tmp_path / "adapter"),
    }  # fmt: skip


def command(job, tmp_path, **changed):
    path = tmp_path / f"{abs(hash(str(changed)))}.json"
    path.write_text(json.dumps([{**job, **changed}]))
    return [sys.executable, str(SCRIPT), "--job-list", str(path)]


def run(job, tmp_path, **changed):
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        command(job, tmp_path, **changed), text=True, capture_output=True, env=environment
    )


def run_here(job, tmp_path, **changed):
    """Without a process of its own."""
    return train_adapter.main(command(job, tmp_path, **changed)[2:])


def digests(folder):
    """Of everything that must not depend on when and how often the program ran."""
    return {
        path.relative_to(folder).as_posix(): digest_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".run.json" not in path.name
    }


def test_a_whole_folder_that_peft_loads(job, tiny, tmp_path):
    done = run(job, tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "adapter"
    card = json.loads((out / "card.json").read_text())
    counted = {"pairs": 8, "clusters": 2, "clusters_taken": 2, "pairs_taken": 8}
    counted |= {"split": None, "row_cap": None}
    assert card["clusters"] == {"Toy": {"strategy": "hns", "prompt": None, **counted}}
    assert card["pairs_seen"] == card["queries_trained"] == 24
    assert card["items_encoded"] == card["encoder_passes"] == 6 * (4 + 4)
    assert card["settings"]["dora"] is True
    assert card["settings"]["caching"] is False  # as told: a default of the program is no answer
    log = [json.loads(line) for line in (out / "training_log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 2, 3, 4, 5, 6]
    rates = [line["lr"] for line in log]
    assert rates[0] == 0 or rates[0] == max(rates)  # warm-up, then down
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert [line["pairs_seen"] for line in log] == [4, 8, 12, 16, 20, 24]
    for line in log:
        assert -1 <= line["negative_similarity"] <= line["hardest_negative_similarity"] <= 1
        assert not line.keys() & {"seconds", "peak_mb"}
    took = [json.loads(line) for line in (out / "training_log.run.jsonl").read_text().splitlines()]
    assert [line["step"] for line in took] == [1, 2, 3, 4, 5, 6]
    assert all(line["pairs_per_second"] > 0 and line["peak_mb"] > 0 for line in took)
    assert not list((tmp_path / "partial").glob("*"))
    assert not list(tmp_path.glob(".adapter*"))
    model = AutoModelForImageTextToText.from_pretrained(tiny.folder)
    for folder in (out, out / "checkpoints" / "step-2"):
        loaded = PeftModel.from_pretrained(model, folder)
        weights = [p for name, p in loaded.named_parameters() if "lora_B" in name]
        assert weights and any(bool(torch.any(one != 0)) for one in weights)
        model = loaded.unload()


def test_killed_and_run_again_gives_the_same_bytes(job, tmp_path):
    """SIGKILL after a state was saved; the second run goes on from it."""
    long = {"steps": 60, "save_every": 10, "save_adapters_at": [10, 50]}
    assert run_here(job, tmp_path, **long, out=str(tmp_path / "whole"), partial=None) == 0
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    started = subprocess.Popen(
        command(job, tmp_path, **long), env=environment, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
    while not list((tmp_path / "partial").glob("*/checkpoint-*/sums.json")):
        assert started.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert not (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    assert run_here(job, tmp_path, **long) == 0
    record = json.loads((tmp_path / "adapter.run.json").read_text())
    assert record["resumed_from"].startswith("checkpoint-")
    losses = pd.read_json(tmp_path / "whole" / "training_log.jsonl", lines=True)["loss"]
    assert losses[-10:].mean() < losses[:10].mean()
    assert digests(tmp_path / "adapter") == digests(tmp_path / "whole")


def killed_at(step, monkeypatch):
    """As SIGKILL: nothing is saved or cleaned up after the step's beginning."""

    class Killed(BaseException):
        pass

    def die(*arguments, **_):
        if arguments[2].global_step == step:
            raise Killed

    monkeypatch.setattr(ShowProgress, "on_step_begin", die)
    return pytest.raises(Killed)


@pytest.mark.parametrize("caching", [False, True])
def test_killed_at_any_step(job, tmp_path, monkeypatch, caching):
    """Steps of a state, before and after one; killed twice in a row; the same bytes each time."""
    assert run_here(job, tmp_path, caching=caching, out=str(tmp_path / "whole")) == 0
    for steps in ((1,), (2,), (3,), (5,), (2, 3)):
        changed = {"caching": caching, "save_every": 1 + steps[0] % 2, "out": str(tmp_path / "out")}
        for step in steps:
            with monkeypatch.context() as patch, killed_at(step, patch):
                run_here(job, tmp_path, **changed)
            assert not (tmp_path / "out").exists()
        assert run_here(job, tmp_path, **changed) == 0
        record = json.loads((tmp_path / "out.run.json").read_text())
        assert steps == (1,) or record["resumed_from"]
        assert digests(tmp_path / "out") == digests(tmp_path / "whole")
        shutil.rmtree(tmp_path / "out")


@pytest.mark.parametrize(
    "name",
    ["trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth", "sums.json",
     "adapter_model.safetensors"],
)  # fmt: skip
def test_a_state_that_is_not_as_it_was_written_is_passed_over(job, tmp_path, monkeypatch, name):
    """Each of its files gone, cut in half or with one bit turned: the state before is taken."""
    assert run_here(job, tmp_path, out=str(tmp_path / "whole")) == 0
    with monkeypatch.context() as patch, killed_at(5, patch):
        run_here(job, tmp_path)
    shutil.copytree(tmp_path / "partial", tmp_path / "kept")
    for damage in ("gone", "cut", "turned"):
        shutil.rmtree(tmp_path / "partial")
        shutil.copytree(tmp_path / "kept", tmp_path / "partial")
        (state,) = (tmp_path / "partial").glob("*/checkpoint-4")
        content = (state / name).read_bytes()
        middle = len(content) // 2
        if damage == "gone":
            (state / name).unlink()
        elif damage == "cut":
            (state / name).write_bytes(content[:middle])
        else:
            turned = bytes([content[middle] ^ 1])
            (state / name).write_bytes(content[:middle] + turned + content[middle + 1 :])
        assert run_here(job, tmp_path) == 0
        record = json.loads((tmp_path / "adapter.run.json").read_text())
        assert record["resumed_from"] == "checkpoint-2", (name, damage)
        assert digests(tmp_path / "adapter") == digests(tmp_path / "whole")


@pytest.mark.parametrize("what", ["image", "processor", "items", "clusters", "code"])
def test_what_changed_since_the_kill_is_trained_from_the_start(
    job, tiny, tmp_path, monkeypatch, what
):
    """No state of other inputs is taken up: the adapter is that of a fresh run."""
    model, images = tmp_path / "model", tmp_path / "images"
    shutil.copytree(tiny.folder, model)
    shutil.copytree(tiny.images, images)
    own = {"model": str(model), "image_root": str(images)}
    with monkeypatch.context() as patch, killed_at(5, patch):
        run_here(job, tmp_path, **own)
    if what == "image":
        image = Image.open(images / "0.png").convert("RGB")
        ImageOps.invert(image).save(images / "0.png")
    elif what == "processor":
        path = model / "tokenizer_config.json"
        path.write_text(path.read_text() + " ")
    elif what == "items":
        frame = pd.read_parquet(job["query_items"])
        write_parquet(job["query_items"], frame.assign(text=frame["text"] + " again"))
    elif what == "clusters":
        path = job["clusters"][0]
        table, metadata = read_clusters(path, 8)
        write_clusters(path, table, metadata | {"seed": "7"})
    else:
        monkeypatch.setattr("gen2embed.training.job.digest_of_program", lambda _: "another")
    assert run_here(job, tmp_path, **own) == 0
    assert json.loads((tmp_path / "adapter.run.json").read_text())["resumed_from"] is None
    fresh = {"out": str(tmp_path / "fresh"), "partial": str(tmp_path / "elsewhere")}
    assert run_here(job, tmp_path, **own, **fresh) == 0
    assert digests(tmp_path / "adapter") == digests(tmp_path / "fresh")


def test_two_trainings_of_one_state_are_done_one_after_the_other(job, tmp_path):
    """As when Snakemake alone is killed and started again; both end well, with the same bytes."""
    assert run_here(job, tmp_path, out=str(tmp_path / "whole")) == 0
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    both = [
        subprocess.Popen(command(job, tmp_path), env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [one.communicate()[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert digests(tmp_path / "adapter") == digests(tmp_path / "whole")


def test_sigterm_saves_a_state_and_a_retry_goes_on(job, tmp_path, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)  # a test that ran Snakemake in here leaves its own
    assert run_here(job, tmp_path, out=str(tmp_path / "whole")) == 0

    def end(*arguments, **_):
        if arguments[2].global_step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(ShowProgress, "on_step_begin", end)
        assert run_here(job, tmp_path) == 143
    said = capsys.readouterr().err.strip().splitlines()[-1]
    ended = "train_adapter: ended by SIGTERM after step 3 of 6; "
    assert said == ended + "its state is saved: run it again to go on"
    assert not (tmp_path / "adapter").exists()
    assert run_here(job, tmp_path) == 0
    assert json.loads((tmp_path / "adapter.run.json").read_text())["resumed_from"] == "checkpoint-3"
    assert digests(tmp_path / "adapter") == digests(tmp_path / "whole")
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_adapter_keeps_its_form_and_its_processor(job, tiny, tmp_path, capsys):
    """Embedding takes the limits of pixels that it was trained with, and refuses another form."""
    changed = {"input_form": "authors", "max_pixels": 2592, "min_pixels": 1296, "steps": 3}
    assert run_here(job, tmp_path, **changed, loader_workers=0, save_adapters_at=[1]) == 0
    out = tmp_path / "adapter"
    card = json.loads((out / "card.json").read_text())
    assert card["input"]["form"] == "authors" and card["pixel_limits"] == [1296, 2592]
    for folder in (out, out / "checkpoints" / "step-1"):
        jobs = tmp_path / "embed.json"
        told = {
            "model": str(tiny.folder), "adapter": str(folder), "prompt": "hierarchical",
            "role": "query", "items": job["query_items"], "image_root": job["image_root"],
            "threads": 1, "out": str(tmp_path / "v.npy"),
        }  # fmt: skip
        jobs.write_text(json.dumps([{**told, "input_form": "authors"}]))
        assert embed_items.main(["--job-list", str(jobs)]) == 0
        manifest = json.loads((tmp_path / "v.json").read_text())
        assert manifest["pixel_limits"] == [1296, 2592]
        jobs.write_text(json.dumps([told]))
        assert embed_items.main(["--job-list", str(jobs)]) == 2
        assert "made with other inputs (form: stock and authors)" in capsys.readouterr().err
    jobs.write_text(json.dumps([{**told, "input_form": "authors", "max_pixels": 2000}]))
    assert embed_items.main(["--job-list", str(jobs)]) == 0
    manifest = json.loads((tmp_path / "v.json").read_text())
    assert manifest["pixel_limits"] == [1296, 2000]


def test_clusters_in_a_batch_are_bounded_too(job, tmp_path):
    """Two clusters of four pairs: eight pairs fit, but one cluster a batch is asked for."""
    seen = []
    for bound in (0, 1):
        out = str(tmp_path / str(bound))
        settings = {"pairs_per_batch": 8, "clusters_per_batch": bound, "out": out}
        assert run_here(job, tmp_path, **settings) == 0
        seen.append(json.loads((tmp_path / str(bound) / "card.json").read_text())["pairs_seen"])
    assert seen == [48, 24]


def test_loader_workers_change_nothing(job, tmp_path):
    for workers in (0, 2):
        out = str(tmp_path / str(workers))
        assert run_here(job, tmp_path, loader_workers=workers, out=out) == 0
    assert digests(tmp_path / "0") == digests(tmp_path / "2")


def test_a_batch_must_come_in_time(job, tmp_path, capsys):
    assert run_here(job, tmp_path, loader_workers=1, loader_seconds=0.001) == 2
    assert "no batch came from the loader's workers within 0.001 s" in capsys.readouterr().err


def test_classic_trains_the_anchors_alone(job, tmp_path):
    """A batch is a cluster of 4: one query, four targets; caching encodes each twice."""
    assert run_here(job, tmp_path, mode="classic", caching=True) == 0
    card = json.loads((tmp_path / "adapter" / "card.json").read_text())
    assert (card["pairs_seen"], card["queries_trained"]) == (24, 6)
    assert (card["items_encoded"], card["encoder_passes"]) == (30, 60)


def test_a_fraction_and_a_cap(job, tmp_path):
    assert run_here(job, tmp_path, fraction=0.5) == 0
    toy = json.loads((tmp_path / "adapter" / "card.json").read_text())["clusters"]["Toy"]
    assert (toy["clusters_taken"], toy["pairs_taken"], toy["pairs"]) == (1, 4, 8)
    assert run_here(job, tmp_path, row_cap=7) == 0
    toy = json.loads((tmp_path / "adapter" / "card.json").read_text())["clusters"]["Toy"]
    assert (toy["clusters_taken"], toy["pairs_taken"]) == (1, 4)


def test_activation_checkpointing_trains_the_same(job, tmp_path):
    losses = []
    for caching, inside in ((False, False), (False, True), (True, True)):
        changed = {"caching": caching, "activation_checkpointing": inside}
        assert run_here(job, tmp_path, **changed) == 0
        card = json.loads((tmp_path / "adapter" / "card.json").read_text())
        losses.append(card["last_loss"])
    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=1e-4)


def set_metadata(job, tmp_path, **metadata):
    """The job with its clusters as if mined so."""
    table = pq.read_table(job["clusters"][0]).replace_schema_metadata(metadata)
    path = tmp_path / "changed.parquet"
    pq.write_table(table, path)
    return job | {"clusters": [str(path)]}


def test_clusters_of_another_prompt_are_refused(job, tmp_path, capsys):
    other = set_metadata(job, tmp_path, strategy="saha", prompt="plain")
    assert run_here(other, tmp_path) == 2
    said = capsys.readouterr().err
    assert "was mined under the prompt 'plain', but 'hierarchical' is trained" in said
    assert not (tmp_path / "adapter").exists()
    assert run_here(other, tmp_path, allow_other_prompt=True, steps=3) == 0
    same = set_metadata(job, tmp_path, strategy="saha", prompt="hierarchical")
    assert run_here(same, tmp_path, steps=3) == 0


def test_clusters_without_negatives_have_no_prompt(job, tmp_path):
    alone = ClusterTable(
        anchor_pair=np.arange(8),
        phase=np.ones(8, dtype=np.int8),
        starts=np.zeros(9, dtype=np.int64),
        negative_pairs=np.empty(0, dtype=np.int64),
        hardness=np.empty(0),
        overlap=np.empty(0),
    )
    path = tmp_path / "alone.parquet"
    write_clusters(path, alone, {"strategy": "in_batch", "prompt": "plain"})
    assert run_here(job, tmp_path, clusters=[str(path)], steps=3) == 0


def test_an_empty_cluster_file_is_named(job, tmp_path, capsys):
    path = tmp_path / "none.parquet"
    pq.write_table(pq.read_table(job["clusters"][0])[:0], path)
    assert run_here(job, tmp_path, clusters=[str(path)]) == 2
    assert f"{path}: holds no clusters" in capsys.readouterr().err
    assert not (tmp_path / "adapter").exists()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda loss: loss * float("nan"), "step 1: the loss is nan; lower the rate"),
        (lambda loss: loss + (loss * 0).sqrt(), "step 1: the gradient's norm is nan; lower"),
    ],
)
def test_what_is_not_finite_ends_in_one_line(job, tmp_path, monkeypatch, capsys, broken, said):
    monkeypatch.setattr(
        trainer, "contrastive_loss", lambda *given: broken(contrastive_loss(*given))
    )
    assert run_here(job, tmp_path, save_every=1) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if said in line]
    assert len(lines) == 1 and lines[0].startswith("train_adapter: ")
    assert not (tmp_path / "adapter").exists()
    assert not list((tmp_path / "partial").glob("*/checkpoint-*"))


def start_two_nodes(jobs):
    """Two launchers on this machine, each with one process; jobs: a job list."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"127.0.0.1:{listener.getsockname()[1]}"
    launcher = [sys.executable, str(SCRIPT.parent / "launch_processes.py"), "--nnodes", "2"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", endpoint, "--rdzv-conf"]
    program = [str(SCRIPT), "--job-list", str(jobs)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    environment.pop("OMP_NUM_THREADS", None)
    return [
        subprocess.Popen(
            [*launcher, f"is_host={host}", *program],
            text=True,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for host in (1, 0)
    ]


def unequal_clusters(job, tmp_path):
    """The job with clusters of 4 and 3 pairs and a single one, and without chance."""
    table = ClusterTable(
        anchor_pair=np.array([0, 4, 7]),
        phase=np.ones(3, dtype=np.int8),
        starts=np.array([0, 3, 5, 5]),
        negative_pairs=np.array([1, 2, 3, 5, 6]),
        hardness=np.zeros(5),
        overlap=np.zeros(5),
    )
    write_clusters(tmp_path / "unequal.parquet", table, {"strategy": "saha"})
    return {**job, "clusters": [str(tmp_path / "unequal.parquet")], "dropout": 0.0, "steps": 5}


def assert_same_weights(one, two):
    """Of two adapters, to 1e-4."""
    weights = [load_file(folder / "adapter_model.safetensors") for folder in (one, two)]
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=1e-4, atol=1e-4, msg=name)


def test_two_nodes_train_as_one_process(job, tmp_path):
    """Shares of unequal size, and an empty one.

    Three trainings in one start: clusters; classic, symmetric and cached; a cluster at a time.
    """
    job = unequal_clusters(job, tmp_path)
    kinds = {
        "clusters": {"pairs_per_batch": 8},
        "classic": {"pairs_per_batch": 8, "mode": "classic", "symmetric": True, "caching": True},
        "alone": {"pairs_per_batch": 4},
    }
    outs = {}
    for processes in (1, 2):
        jobs = []
        for kind, changed in kinds.items():
            outs[kind, processes] = tmp_path / str(processes) / kind
            jobs.append({**job, **changed, "out": str(outs[kind, processes])})
        (tmp_path / f"{processes}.json").write_text(json.dumps(jobs))
    assert train_adapter.main(["--job-list", str(tmp_path / "1.json")]) == 0
    for launcher in start_two_nodes(tmp_path / "2.json"):
        said = launcher.communicate(timeout=300)[1]
        assert launcher.returncode == 0, said
    for kind in kinds:
        one, two = (outs[kind, processes] for processes in (1, 2))
        logs = [
            pd.read_json(folder / "training_log.jsonl", lines=True).drop(columns="lr")
            for folder in (one, two)
        ]
        pd.testing.assert_frame_equal(*logs, rtol=1e-4, atol=1e-4)
        assert_same_weights(one, two)
        cards = [json.loads((folder / "card.json").read_text()) for folder in (one, two)]
        assert cards[0]["pairs_seen"] == cards[1]["pairs_seen"]
        assert cards[1]["settings"]["processes"] == 2
    assert not list((tmp_path / "partial").glob("*"))


def test_two_nodes_stop_together_and_go_on(job, tmp_path):
    """SIGTERM to one launcher after the first state; the same adapter as one process's.

    torchrun sends it to the loader's workers as well.
    """
    job = unequal_clusters(job, tmp_path)
    job |= {"steps": 20, "pairs_per_batch": 8, "save_adapters_at": [2], "loader_workers": 1}
    assert run_here(job, tmp_path, out=str(tmp_path / "whole"), partial=None) == 0
    (tmp_path / "two.json").write_text(json.dumps([job]))
    launchers = start_two_nodes(tmp_path / "two.json")
    until = time.monotonic() + 120
    while not list((tmp_path / "partial").glob("*/checkpoint-*/sums.json")):
        assert launchers[1].poll() is None and time.monotonic() < until
        time.sleep(0.02)
    launchers[1].send_signal(signal.SIGTERM)
    ends = ["rank 0 ended with status 143; see the log above", "ended by SIGTERM"]
    for launcher, end in zip(launchers, ends, strict=True):
        lines = launcher.communicate(timeout=60)[1].splitlines()
        assert launcher.returncode == 143
        assert lines[-1] == f"launch_processes: {end}"
        assert [
            line for line in lines if line.endswith("its state is saved: run it again to go on")
        ]
        assert not [line for line in lines if "Traceback" in line]
    assert not (tmp_path / "adapter").exists()
    for launcher in start_two_nodes(tmp_path / "two.json"):
        said = launcher.communicate(timeout=300)[1]
        assert launcher.returncode == 0, said
    record = json.loads((tmp_path / "adapter.run.json").read_text())
    assert record["resumed_from"].startswith("checkpoint-")
    assert_same_weights(tmp_path / "whole", tmp_path / "adapter")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "nonesuch"}, "unknown prompt 'nonesuch'"),
        ({"steps": 0}, "--steps is 0; give a whole number, at least 1"),
        ({"pairs_per_batch": 3}, "a cluster of 4 pairs does not fit into a batch of 3"),
        ({"clusters": ["missing.parquet"]}, "missing.parquet"),
        ({"save_adapters_at": [6]}, "--save-adapters-at 6: give steps from 1 to 5"),
        ({"fraction": 0}, "--fraction is 0.0; give a number, more than 0, at most 1"),
        ({"modules": "q_porj"}, "--modules 'q_porj': no linear module of the model has such a"),
    ],
)
def test_bad_input_is_one_line_and_no_output(job, tmp_path, capsys, change, said):
    assert train_adapter.main(command(job, tmp_path, **change)[2:]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "adapter").exists()


def test_live_curves_need_their_package(job, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("gen2embed.training.checks.find_spec", lambda _: None)
    assert run_here(job, tmp_path, report_to="trackio") == 2
    assert "--report-to trackio: is not installed" in capsys.readouterr().err


def test_pairs_of_other_items_are_refused(job, tmp_path, capsys):
    few = pd.DataFrame({"item_id": [0], "text": ["tram"], "image_path": [""]})
    write_parquet(tmp_path / "few.parquet", few)
    changed = {"target_items": str(tmp_path / "few.parquet")}
    assert train_adapter.main(command(job, tmp_path, **changed)[2:]) == 2
    assert "row 1: target_id 1 has no row in" in capsys.readouterr().err
