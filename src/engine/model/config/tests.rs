//! Tests of configurations: accepted values, and errors that name the field.

use super::*;

fn layout(rows: usize) -> Layout {
    Layout {
        base: Base::Gpt2,
        prefix: "base_causallm.".into(),
        rows,
        width: 16,
        layers: 2,
        lora_rank: None,
        projection: false,
        alias: Some(true),
        pause: false,
        step_decoder: None,
    }
}

fn json(extra: &str) -> String {
    format!(
        r#"{{"model_type":"gpt2","n_embd":16,"n_head":2,"n_layer":2,"n_positions":64,"vocab_size":40{extra}}}"#
    )
}

fn resolve(json: Option<&str>, meta: Option<&str>, layout: &Layout) -> Result<Config> {
    let options = &LoadOptions::default();
    Config::resolve(&Given {
        name: "m",
        json,
        meta,
        adapter: None,
        options,
        layout,
    })
}

fn width_of(config: &Config) -> usize {
    config.arch.width()
}

#[test]
fn the_undertone_object_wins_over_meta() {
    let text = json(
        r#","undertone":{"family":"multimode-coconut","n_latents":4,"task":"math","modes":["latent","written"]}"#,
    );
    let meta = Some(r#"{"family":"coconut","num_latents":6}"#);
    let config = resolve(Some(&text), meta, &layout(40)).expect("valid");
    assert_eq!(config.family, Family::MultimodeCoconut);
    assert_eq!((config.n_latents, config.task), (4, Task::Math));
    assert_eq!(config.modes, [Mode::Latent, Mode::Written]);
    assert_eq!(config.base_vocab, None, "the tokenizer has the markers");
    assert_eq!(width_of(&config), 16);
}

#[test]
fn the_user_wins_over_every_file_and_the_weights_speak_last() {
    let meta = Some(r#"{"family":"multimode_coconut","num_latents":5}"#);
    let options = LoadOptions {
        family: Some(Family::Coconut),
        latents: Some(3),
        ..LoadOptions::default()
    };
    let given = Given {
        name: "x/gpt2-prosqa-coconut",
        json: Some(&json("")),
        meta,
        adapter: None,
        options: &options,
        layout: &layout(43),
    };
    let config = Config::resolve(&given).expect("valid");
    assert_eq!(
        (config.family, config.family_from),
        (Family::Coconut, "--family")
    );
    assert_eq!((config.n_latents, config.task), (3, Task::Logic));
    assert_eq!(config.base_vocab, Some(40));

    let config = resolve(Some(&json("")), None, &layout(43)).expect("valid");
    assert_eq!(
        (config.family, config.family_from),
        (Family::Coconut, "the weights")
    );
    assert_eq!(config.n_latents, PUBLISHED_LATENTS);
}

#[test]
fn a_bare_checkpoint_of_a_published_size_needs_no_config() {
    let mut bare = layout(50260);
    (bare.width, bare.layers) = (768, 12);
    for text in [None, Some("{}")] {
        let config = resolve(text, None, &bare).expect("GPT-2 small");
        assert!(matches!(&config.arch, Arch::Gpt2(c) if c.heads == 12 && c.eos == [50256]));
        assert_eq!(config.base_vocab, Some(50257));
    }
    (bare.base, bare.rows, bare.width, bare.layers) = (Base::Llama32, 128_258, 2048, 16);
    let config = resolve(None, None, &bare).expect("Llama 3.2 1B");
    assert!(matches!(&config.arch, Arch::Llama(c) if (c.kv_heads, c.head_width) == (8, 64)));
    // A config.json written after tokens were added.
    (bare.base, bare.rows, bare.width, bare.layers) = (Base::Gpt2, 50260, 16, 2);
    let resized = json("").replace(":40", ":50260");
    let config = resolve(Some(&resized), None, &bare).expect("resized");
    assert_eq!(config.base_vocab, Some(50257));
}

#[test]
fn a_field_under_two_names_has_one_value_and_errors_name_the_field() {
    let under = |extra: &str| resolve(Some(&json(extra)), None, &layout(43));
    let renamed = json("").replace("n_head", "num_attention_heads");
    let config = resolve(Some(&renamed), None, &layout(43)).expect("another name");
    assert!(matches!(&config.arch, Arch::Gpt2(c) if c.heads == 2));
    assert!(under(r#","num_attention_heads":2"#).is_ok());
    let config = under(r#","eos_token_id":[7,9]"#).expect("a list");
    assert_eq!(config.arch.eos(), [7, 9]);
    for (extra, says) in [
        (
            r#","num_attention_heads":4"#,
            "n_head is 2 and num_attention_heads",
        ),
        (
            r#","eos_token_id":"x""#,
            "eos_token_id: expected a token's number or a list",
        ),
        (r#","eos_token_id":[-1]"#, "eos_token_id: expected"),
        (
            r#","layer_norm_epsilon":"small""#,
            "layer_norm_epsilon: invalid type",
        ),
        (r#","n_inner":1.5"#, "n_inner: invalid type"),
        (r#","n_head":2"#, "\"n_head\" is duplicated"),
        (
            r#","undertone":{"task":"math","task":"logic"}"#,
            "\"task\" is duplicated",
        ),
        (
            r#","undertone":{"n_latents":"six"}"#,
            "undertone.n_latents: invalid type",
        ),
    ] {
        let error = under(extra).expect_err(extra).to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_misspelt_key_of_meta_is_refused_and_others_are_not() {
    let meta = |meta: &str| resolve(Some(&json("")), Some(meta), &layout(43));
    assert!(meta(r#"{"num_latents":3,"seed":1,"tensors":[],"model":"x"}"#).is_ok());
    for key in ["n_latent", "n_latentts", "num_latemts", "lora_alpa"] {
        let error = meta(&format!(r#"{{"{key}":1}}"#))
            .expect_err(key)
            .to_string();
        assert!(
            error.contains("looks like") && error.contains(key),
            "{error}"
        );
    }
}

#[test]
fn alpha_is_known_for_the_published_rank_and_asked_for_otherwise() {
    let mut codi = layout(43);
    (codi.projection, codi.lora_rank) = (true, Some(128));
    let config = resolve(Some(&json("")), None, &codi).expect("published rank");
    assert_eq!(
        (config.family, config.lora_alpha),
        (Family::Codi, Some(32.0))
    );
    codi.lora_rank = Some(4);
    let error = resolve(Some(&json("")), None, &codi)
        .expect_err("unknown")
        .to_string();
    assert!(
        error.contains("--lora-alpha") && error.contains("rank 4"),
        "{error}"
    );
    let meta = Some(r#"{"lora_alpha":6}"#);
    let config = resolve(Some(&json("")), meta, &codi).expect("stated");
    assert_eq!(config.lora_alpha, Some(6.0));
    let peft = |more: &str| lora::adapter_alpha(&format!(r#"{{"r":4,"lora_alpha":6{more}}}"#), 4);
    assert_eq!(peft(""), Ok(6.0));
    assert_eq!(
        peft(r#","use_rslora":true"#),
        Ok(12.0),
        "6 / sqrt(4) is 12 / 4"
    );
    for more in [
        r#""use_dora":true"#,
        r#""alpha_pattern":{"c_attn":64}"#,
        r#""peft_type":"IA3""#,
    ] {
        assert!(peft(&format!(",{more}")).is_err(), "{more}");
    }
    assert!(lora::adapter_alpha(r#"{"r":8,"lora_alpha":6}"#, 4).is_err());
}

#[test]
fn llama_configurations_are_read_with_their_rope_scaling() {
    let text = r#"{"model_type":"llama","hidden_size":16,"intermediate_size":48,"num_attention_heads":4,
        "num_key_value_heads":2,"num_hidden_layers":2,"rms_norm_eps":1e-5,"rope_theta":500000.0,"vocab_size":40,
        "max_position_embeddings":512,"tie_word_embeddings":true,"eos_token_id":[7,9],
        "rope_scaling":{"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
        "original_max_position_embeddings":64,"rope_type":"llama3"}}"#;
    let mut llama = layout(43);
    llama.base = Base::Llama32;
    let config = resolve(Some(text), None, &llama).expect("valid");
    let Arch::Llama(c) = &config.arch else {
        panic!("a llama");
    };
    assert_eq!((c.heads, c.kv_heads, c.head_width), (4, 2, 4));
    assert!(matches!(
        c.rope_scaling,
        Some(RopeScaling::Llama3 {
            original_positions: 64,
            ..
        })
    ));
    assert_eq!(config.arch.eos(), [7, 9]);
    for (from, to, expected) in [
        (
            "\"num_key_value_heads\":2",
            "\"num_key_value_heads\":3",
            "num_key_value_heads",
        ),
        (
            "\"low_freq_factor\":1.0",
            "\"low_freq_factor\":5.0",
            "rope_scaling",
        ),
        ("\"tie_word", "\"hidden_act\":\"relu\",\"tie_word", "relu"),
        ("\"tie_word", "\"mlp_bias\":true,\"tie_word", "mlp_bias"),
        ("1e-5", "0", "rms_norm_eps is 0"),
        ("500000.0", "0.5", "rope_theta is 0.5, and must be"),
        ("500000.0", "1e30", "rope_theta is"),
        ("\"factor\":8.0", "\"factor\":0.5", "rope_scaling"),
        ("llama3", "yarn", "yarn"),
        (
            "\"tie_word",
            "\"attention_dropout\":1.5,\"tie_word",
            "attention_dropout is 1.5",
        ),
        (
            "\"intermediate_size\":48",
            "\"intermediate_size\":0",
            "intermediate_size",
        ),
    ] {
        let error = resolve(Some(&text.replace(from, to)), None, &llama).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_refusal_names_the_field() {
    let meta = |text: &'static str| Some(text);
    let cases = [
        (json(""), meta(r#"{"family":"huginn"}"#), "huginn"),
        (json(""), meta(r#"{"num_latents":64}"#), "n_positions"),
        (json(""), meta("[]"), "meta.json"),
        (json(r#","activation_function":"relu""#), None, "relu"),
        (
            json("").replace("size\":40", "size\":1"),
            None,
            "vocab_size is 1, and the weights have 43 rows",
        ),
        (
            json("").replace("size\":40", "size\":44"),
            None,
            "vocab_size is 44",
        ),
        (
            json("").replace("\"n_head\":2", "\"n_head\":0"),
            None,
            "n_head is 0, and must be from 1",
        ),
        (
            json(r#","layer_norm_epsilon":0"#),
            None,
            "layer_norm_epsilon is 0, and must be above 0",
        ),
        (
            json(r#","layer_norm_epsilon":-1e-5"#),
            None,
            "must be above 0",
        ),
        (
            json(r#","layer_norm_epsilon":1e-320"#),
            None,
            "must be above 0",
        ),
        (json(r#","layer_norm_epsilon":0.5"#), None, "at most 0.1"),
        (json(r#","layer_norm_epsilon":NaN"#), None, "config.json"),
        (
            json(r#","attn_pdrop":1.0"#),
            None,
            "attn_pdrop is 1, and must be",
        ),
        (json(r#","embd_pdrop":-0.1"#), None, "embd_pdrop is -0.1"),
        (json(r#","resid_pdrop":7"#), None, "resid_pdrop is 7"),
        (
            json(r#","undertone":{"phrase_decoder":"oracle"}"#),
            None,
            "phrase_decoder \"oracle\" is not one of roll-out, latent-prefix, step-decoder",
        ),
        (
            json(r#","undertone":{"phrase_decoder":"step-decoder"}"#),
            None,
            "hold no step decoder",
        ),
        (
            json(""),
            meta(r#"{"step_order":"sideways"}"#),
            "step_order \"sideways\" is not one of result-first, operands-first, path",
        ),
        (
            json(r#","undertone":{"family":"coconut","n_latents":0}"#),
            None,
            "n_latents is 0",
        ),
        (json(r#","scale_attn_weights":false"#), None, "scale_attn"),
        (
            json("").replace("\"n_head\":2", "\"n_head\":3"),
            None,
            "n_head",
        ),
        (json("").replace("\"n_layer\":2,", ""), None, "n_layer"),
        (
            json("").replace("\"n_layer\":2", "\"n_layer\":3"),
            None,
            "number of blocks",
        ),
        (
            json("").replace("\"n_embd\":16", "\"n_embd\":32"),
            None,
            "hidden width",
        ),
        (json("").replace(":64", ":99999999999"), None, "n_positions"),
        (json("").replace("gpt2", "bert"), None, "bert"),
        ("<html>".to_owned(), None, "config.json"),
        ("{}".to_owned(), None, "16 wide"),
        (
            json(r#","undertone":{"family":"coconut","modes":["loud"]}"#),
            None,
            "loud",
        ),
        (
            json(r#","undertone":{"family":"coconut","modes":["direct"]}"#),
            None,
            "do not fit",
        ),
    ];
    for (text, meta, expected) in cases {
        let error = resolve(Some(&text), meta, &layout(43))
            .expect_err(expected)
            .to_string();
        assert!(error.contains(expected), "{error} does not name {expected}");
    }
    let llama = r#"{"model_type":"llama","hidden_size":16,"intermediate_size":48,"num_attention_heads":4,
        "num_hidden_layers":2,"rms_norm_eps":1e-5,"vocab_size":40,"max_position_embeddings":512,"rope_theta":10000.0}"#;
    let error = resolve(Some(llama), None, &layout(43)).expect_err("another base");
    assert!(
        error.to_string().contains("weights are those of gpt2"),
        "{error}"
    );
}
