"""Writes a trained model in the layout of the published multi-mode Coconut checkpoints (docs/methods.md M8.2, M8.3)."""

import json

from safetensors.torch import save_file

import torch


def write(folder, model, tokenizer, recipe, state, device, held_out):
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        "base_causallm.transformer." + name: value.detach().to("cpu", torch.float16).contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt", "tied": "lm_head.weight"})
    cfg, ids = model.cfg, tokenizer.get_vocab()
    config = {
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "n_embd": cfg["n_embd"],
        "n_head": cfg["n_head"],
        "n_layer": cfg["n_layer"],
        "n_positions": cfg["n_positions"],
        "n_inner": None,
        "layer_norm_epsilon": cfg["layer_norm_epsilon"],
        "vocab_size": cfg["vocab_size"],
        "eos_token_id": ids["<|endoftext|>"],
        "tie_word_embeddings": True,
        "undertone": {
            "family": "multimode-coconut",
            "n_latents": recipe["latents"],
            "task": recipe["task"],
            "modes": ["latent", "written"] + (["direct"] if recipe["has_direct"] else []),
            "step_order": recipe["order"],
            "phrase_decoder": "latent-prefix" if recipe["step_decoder_loss"] else "roll-out",
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    record = {
        "recipe": recipe,
        "updates": state["update"],
        "training_seconds": round(state["seconds"]),
        "device": device,
        "parameters": sum(p.numel() for p in model.parameters()),
        "phases_run": state["history"],
        "held_out_in_training": held_out,
    }
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n")
