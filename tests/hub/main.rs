//! Published checkpoints from a local hub with faults: the library and the built program.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "../binary/mod.rs"]
mod binary;
mod server;

use std::cell::Cell;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::{TempDir, tempdir};
use undertone::engine::hub::{
    self, DownloadProgress, Fetched, HubError, HubOptions, PretrainedBase,
};

use server::{COMMIT, Fault, Hub, contents, sha256};

const REPO: &str = "connordilgren/gpt2-prosqa-coconut";
const WEIGHTS: &str = "checkpoint_40";
const GPT2: &str = "openai-community/gpt2";
const LLAMA: &str = "meta-llama/Llama-3.2-1B-Instruct";
/// Several pieces long, and not a round number.
const LENGTH: usize = 700_001;

/// A hub with one checkpoint and its base, and an empty cache.
struct World {
    hub: Hub,
    cache: TempDir,
    weights: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let world = Self {
            hub: Hub::start(),
            cache: tempdir().unwrap(),
            weights: contents(LENGTH, 1),
        };
        world.hub.add(REPO, "README.md", b"# hello", false);
        world.hub.add(REPO, WEIGHTS, &world.weights, true);
        world
            .hub
            .add(GPT2, "config.json", br#"{"model_type": "gpt2"}"#, false);
        world.hub.add(GPT2, "tokenizer.json", b"{}", false);
        world.hub.add(GPT2, "tokenizer_config.json", b"{}", false);
        world
            .hub
            .add(GPT2, "model.safetensors", &contents(5000, 2), true);
        world
    }

    fn options(&self) -> HubOptions {
        HubOptions {
            offline: false,
            endpoint: Some(self.hub.endpoint()),
            cache: Some(self.cache.path().join("hub")),
            token: None,
            retry_pause: Duration::ZERO,
        }
    }

    fn offline(&self) -> HubOptions {
        HubOptions {
            offline: true,
            ..self.options()
        }
    }

    fn fetch(&self, id: &str) -> Result<Fetched, HubError> {
        fetch(id, &self.options())
    }

    fn folder(&self) -> PathBuf {
        self.cache
            .path()
            .join("hub/models--connordilgren--gpt2-prosqa-coconut")
    }

    fn partial(&self) -> PathBuf {
        self.folder()
            .join("blobs")
            .join(format!("{}.incomplete", sha256(&self.weights)))
    }

    fn is_complete(&self, fetched: &Fetched) {
        assert!(fs::read(&fetched.weights).unwrap() == self.weights);
        assert!(!self.partial().exists());
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = binary::command(self.cache.path(), args);
        command
            .env("HF_HOME", self.cache.path())
            .env("HF_ENDPOINT", self.hub.endpoint())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

fn fetch(id: &str, options: &HubOptions) -> Result<Fetched, HubError> {
    hub::fetch(id, options, &mut |_| (), &|| false)
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_owned()).unwrap();
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "control characters in {text:?}"
    );
    text
}

/// Checks that the message is one line, says these words, and has a hint.
fn reads_well(error: &HubError, says: &[&str]) {
    let whole = format!("{error}; {}", error.hint());
    for say in says {
        assert!(whole.contains(say), "{whole:?} does not say {say:?}");
    }
    assert!(!whole.chars().any(char::is_control), "{whole:?}");
    assert!(!error.hint().is_empty());
}

#[test]
fn a_checkpoint_is_downloaded_verified_and_found_again_without_a_network() {
    let world = World::new();
    assert_eq!(hub::cached(REPO, &world.options()), None);
    let mut steps = Vec::new();
    let fetched = hub::fetch(
        REPO,
        &world.options(),
        &mut |step| {
            steps.push(match step {
                DownloadProgress::Looking { repo } => format!("looking {repo}"),
                DownloadProgress::File {
                    name,
                    done,
                    total,
                    resumed_from,
                } => {
                    assert!(done <= total.unwrap() && resumed_from == 0);
                    format!(
                        "{name} {}",
                        if Some(done) == total { "whole" } else { "part" }
                    )
                }
                DownloadProgress::Waiting { name } => panic!("nobody else downloads {name}"),
                DownloadProgress::Verifying { name } => format!("verifying {name}"),
            });
        },
        &|| false,
    )
    .unwrap();
    steps.dedup();
    assert_eq!(
        steps[..4],
        [
            format!("looking {REPO}"),
            format!("{WEIGHTS} part"),
            format!("{WEIGHTS} whole"),
            format!("verifying {WEIGHTS}"),
        ]
    );
    world.is_complete(&fetched);
    assert_eq!(fetched.revision, COMMIT);
    assert_eq!(fetched.sha256, Some(sha256(&world.weights)));
    assert_eq!(fetched.bytes, LENGTH as u64);
    assert_eq!(fetched.base, Some(PretrainedBase::Gpt2));
    assert_eq!(fetched.base_error, None);
    let config = fetched.config.clone().unwrap();
    assert!(
        config
            .to_string_lossy()
            .contains("models--openai-community--gpt2")
    );
    assert!(fetched.tokenizer.is_some() && fetched.tokenizer_config.is_some());

    // The official cache layout.
    assert_eq!(
        fs::read_to_string(world.folder().join("refs/main")).unwrap(),
        COMMIT
    );
    assert_eq!(
        fetched.weights,
        world.folder().join("snapshots").join(COMMIT).join(WEIGHTS)
    );
    if cfg!(unix) {
        let target = fs::read_link(&fetched.weights).unwrap();
        let blob = Path::new("../../blobs").join(sha256(&world.weights));
        assert_eq!(target, blob);
    }

    // A second fetch sends no request.
    let before = world.hub.n_requests();
    assert_eq!(world.fetch(REPO), Ok(fetched.clone()));
    assert_eq!(fetch(REPO, &world.offline()), Ok(fetched.clone()));
    assert_eq!(hub::cached(REPO, &world.offline()), Some(fetched));
    assert_eq!(world.hub.n_requests(), before);
    let weights_of_the_base = world.hub.state(|state| {
        let seen = state.seen.iter();
        seen.filter(|seen| seen.path.contains("model.safetensors"))
            .count()
    });
    assert_eq!(
        weights_of_the_base, 0,
        "only the small files of the base are needed"
    );
}

#[test]
fn a_cut_in_the_middle_is_resumed_where_it_was() {
    let world = World::new();
    world
        .hub
        .fail(REPO, WEIGHTS, &[Fault::Cut(300_000), Fault::Cut(1)]);
    let mut resumed = Vec::new();
    let fetched = hub::fetch(
        REPO,
        &world.options(),
        &mut |step| {
            if let DownloadProgress::File {
                name: WEIGHTS,
                resumed_from,
                ..
            } = step
            {
                resumed.push(resumed_from);
            }
        },
        &|| false,
    );
    world.is_complete(&fetched.unwrap());
    let transfers = world.hub.transfers(WEIGHTS);
    let starts: Vec<Option<u64>> = transfers.iter().map(|seen| seen.from).collect();
    assert_eq!(starts, [None, Some(300_000), Some(300_001)]);
    let sent: usize = transfers.iter().map(|seen| seen.sent).sum();
    assert_eq!(sent, LENGTH, "no byte is sent twice");
    resumed.dedup();
    assert_eq!(resumed, [0, 300_000, 300_001]);
}

#[test]
fn a_cancelled_download_goes_on_at_the_next_call() {
    let world = World::new();
    world.hub.fail(REPO, WEIGHTS, &[Fault::Hold(400_000)]);
    // The server is silent from there on; only cancelling ends the wait.
    let arrived = Cell::new(0);
    let error = hub::fetch(
        REPO,
        &world.options(),
        &mut |step| {
            if let DownloadProgress::File {
                name: WEIGHTS,
                done,
                ..
            } = step
            {
                arrived.set(done);
            }
        },
        &|| arrived.get() == 400_000,
    )
    .unwrap_err();
    assert_eq!(error, HubError::Cancelled);
    reads_well(&error, &["again", "resume"]);
    assert_eq!(fs::metadata(world.partial()).unwrap().len(), 400_000);
    assert_eq!(
        hub::cached(REPO, &world.options()),
        None,
        "a part is not a checkpoint"
    );

    world.is_complete(&world.fetch(REPO).unwrap());
    let transfers = world.hub.transfers(WEIGHTS);
    assert_eq!(transfers[1].from, Some(400_000));
    assert_eq!(transfers[0].sent + transfers[1].sent, LENGTH);
}

#[test]
fn a_connection_that_always_breaks_is_given_up_and_kept() {
    let world = World::new();
    let mut faults = vec![Fault::Cut(1000)];
    faults.extend(std::iter::repeat_n(Fault::Cut(0), 20));
    world.hub.fail(REPO, WEIGHTS, &faults);
    let error = world.fetch(REPO).unwrap_err();
    assert!(
        matches!(error, HubError::Cut { done: 1000, .. }),
        "{error:?}"
    );
    reads_well(&error, &[WEIGHTS, "1000 of 700001", "resume the download"]);
    assert!(world.hub.transfers(WEIGHTS).len() < 10, "it is given up");
    assert_eq!(fs::metadata(world.partial()).unwrap().len(), 1000);
}

#[test]
fn a_server_that_is_busy_or_knows_no_parts_is_borne_with() {
    let world = World::new();
    world
        .hub
        .state(|state| state.listing_faults.extend([503, 429]));
    world.hub.fail(
        REPO,
        WEIGHTS,
        &[
            Fault::Status(503),
            Fault::Cut(200_000),
            Fault::Status(429),
            Fault::Whole,
        ],
    );
    world.is_complete(&world.fetch(REPO).unwrap());
    assert_eq!(world.hub.transfers(WEIGHTS).len(), 4);
}

#[test]
fn a_download_that_begins_anew_again_and_again_is_given_up() {
    for faults in [
        // Each requested part gets the wrong range, and the next full response is cut at the same place.
        vec![Fault::WrongRange(100_000); 60],
        // Ranges are unsupported, and every full response gets slightly further.
        (1..60).map(|i| Fault::CutWhole(1000 * i)).collect(),
    ] {
        let world = World::new();
        world.hub.fail(REPO, WEIGHTS, &faults);
        let error = world.fetch(REPO).unwrap_err();
        assert!(
            matches!(error, HubError::Restarts { .. } | HubError::Cut { .. }),
            "{error:?}"
        );
        reads_well(&error, &[WEIGHTS]);
        let asked = world.hub.transfers(WEIGHTS).len();
        assert!(asked < 20, "{asked} requests");
    }
    // Once is tolerated.
    let world = World::new();
    world.hub.fail(
        REPO,
        WEIGHTS,
        &[Fault::WrongRange(100_000), Fault::WrongRange(0)],
    );
    world.is_complete(&world.fetch(REPO).unwrap());
}

#[test]
fn a_file_of_which_nobody_says_how_long_it_is_ends_somewhere() {
    let world = World::new();
    world
        .hub
        .add(GPT2, "tokenizer.json", b"{\"like\": \"no other\"}", false);
    world.hub.change(GPT2, "tokenizer.json", |file| {
        file.hides_length = true;
        file.faults.push_back(Fault::Unstated(80 << 20));
    });
    let error = hub::base_files(PretrainedBase::Gpt2, &world.options(), &mut |_| (), &|| {
        false
    })
    .unwrap_err();
    assert!(matches!(error, HubError::Endless { .. }), "{error:?}");
    reads_well(&error, &["tokenizer.json", "67108864 bytes", "deleted"]);
    let left = fs::read_dir(
        world
            .cache
            .path()
            .join("hub/models--openai-community--gpt2/blobs"),
    );
    let left: Vec<_> = left
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().ends_with(".incomplete")),
        "{left:?}"
    );
    // A short wait is accepted.
    hub::base_files(PretrainedBase::Gpt2, &world.options(), &mut |_| (), &|| {
        false
    })
    .unwrap();
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_flipped_bit_in_the_cache_is_found_and_mended() {
    let world = World::new();
    let fetched = world.fetch(REPO).unwrap();
    let whole = hub::fetch_verified(REPO, &world.offline(), &mut |_| (), &|| false).unwrap();
    assert_eq!(
        (whole.same, whole.mended.len()),
        (vec![WEIGHTS.to_owned()], 0)
    );
    flip(&fetched.weights);
    // Without a network it can only be reported.
    let error = hub::fetch_verified(REPO, &world.offline(), &mut |_| (), &|| false).unwrap_err();
    assert!(matches!(error, HubError::Damaged { .. }), "{error:?}");
    reads_well(
        &error,
        &[
            "damaged",
            &sha256(&world.weights),
            &format!("undertone fetch {REPO}"),
        ],
    );
    let output = world.run(&["fetch", REPO, "--offline"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("is damaged"));
    // With a network the file is fetched again.
    let output = world.run(&["fetch", REPO, "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains(&format!("warning: {WEIGHTS} was damaged in the cache")));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verified"], serde_json::json!([WEIGHTS]));
    assert_eq!(report["mended"], serde_json::json!([WEIGHTS]));
    assert!(fs::read(&fetched.weights).unwrap() == world.weights);
    let out = text(&world.run(&["fetch", REPO]).stdout);
    assert!(out.contains("verified    yes"), "{out}");
}

#[test]
fn a_hub_that_states_no_hash_is_not_said_to_have_verified() {
    let world = World::new();
    let repo = "somebody/plain-gsm8k";
    world
        .hub
        .add(repo, "config.json", br#"{"model_type": "gpt2"}"#, false);
    world.hub.add(repo, "tokenizer.json", b"{}", false);
    world
        .hub
        .add(repo, "model.safetensors", &world.weights, false);
    let out = text(&world.run(&["fetch", repo]).stdout);
    assert!(
        out.contains("verified    no: the hub states no SHA-256"),
        "{out}"
    );
}

#[test]
fn three_fetches_of_one_id_wait_for_one_another() {
    let world = World::new();
    world.hub.fail(REPO, WEIGHTS, &[Fault::Hold(1000)]);
    let start = || world.command(&["fetch", REPO]).spawn().unwrap();
    let mut first = start();
    world.hub.wait_until_sent(WEIGHTS, 1000);
    let mut others = [start(), start()];
    let says_that_it_waits = |child: &mut std::process::Child| {
        let mut said = String::new();
        let mut err = std::io::BufReader::new(child.stderr.take().unwrap());
        while !said.contains("another program is downloading it") {
            let n = std::io::BufRead::read_line(&mut err, &mut said).unwrap();
            assert!(n > 0, "it ended: {said}");
        }
        err
    };
    let errs = others.each_mut().map(says_that_it_waits);
    // Locks do not survive their process.
    first.kill().unwrap();
    first.wait().unwrap();
    for (child, mut err) in others.into_iter().zip(errs) {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut err, &mut rest).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{rest}");
    }
    let transfers = world.hub.transfers(WEIGHTS);
    assert_eq!(
        transfers.len(),
        2,
        "one after the killed one: {transfers:?}"
    );
}

#[test]
fn a_partial_file_that_is_too_long_is_started_anew() {
    let world = World::new();
    fs::create_dir_all(world.folder().join("blobs")).unwrap();
    fs::write(world.partial(), vec![0; LENGTH + 1]).unwrap();
    world.is_complete(&world.fetch(REPO).unwrap());
    assert_eq!(world.hub.transfers(WEIGHTS)[0].from, None);
}

#[test]
fn a_partial_file_that_is_whole_is_only_verified() {
    let world = World::new();
    fs::create_dir_all(world.folder().join("blobs")).unwrap();
    fs::write(world.partial(), &world.weights).unwrap();
    world.is_complete(&world.fetch(REPO).unwrap());
    assert_eq!(world.hub.transfers(WEIGHTS).len(), 0);
}

#[test]
fn a_wrong_length_is_told_and_nothing_of_it_stays() {
    for (fault, found) in [
        (Fault::Length(LENGTH - 5), LENGTH - 5),
        (Fault::Length(LENGTH + 5), LENGTH + 5),
        (Fault::Endless, 0),
    ] {
        let world = World::new();
        world.hub.fail(REPO, WEIGHTS, &[fault]);
        let error = world.fetch(REPO).unwrap_err();
        assert!(matches!(error, HubError::WrongLength { .. }), "{error:?}");
        reads_well(&error, &[WEIGHTS, "700001", "deleted"]);
        if found > 0 {
            reads_well(&error, &[&found.to_string()]);
        }
        assert!(!world.partial().exists());
        world.is_complete(&world.fetch(REPO).unwrap());
    }
}

#[test]
fn a_wrong_hash_is_told_and_nothing_of_it_stays() {
    let world = World::new();
    // The first bytes are right, so that only the whole file fails the check.
    world
        .hub
        .fail(REPO, WEIGHTS, &[Fault::Cut(300_000), Fault::Garble]);
    let error = world.fetch(REPO).unwrap_err();
    assert!(matches!(error, HubError::WrongHash { .. }), "{error:?}");
    reads_well(&error, &[WEIGHTS, &sha256(&world.weights), "deleted"]);
    assert!(!world.partial().exists());
    assert_eq!(hub::cached(REPO, &world.options()), None);
    world.is_complete(&world.fetch(REPO).unwrap());
    assert_eq!(
        world.hub.transfers(WEIGHTS)[2].from,
        None,
        "from the beginning"
    );
}

#[test]
fn what_is_not_there_is_said() {
    let world = World::new();
    for options in [
        world.options(),
        HubOptions {
            token: Some("hf_x".to_owned()),
            ..world.options()
        },
    ] {
        let error = fetch("nobody/nothing", &options).unwrap_err();
        assert!(matches!(error, HubError::NotFound { .. }), "{error:?}");
        reads_well(&error, &["nobody/nothing", "404", "spelling"]);
    }
    world.hub.fail(REPO, WEIGHTS, &[Fault::Status(404)]);
    let error = world.fetch(REPO).unwrap_err();
    reads_well(&error, &[&format!("{REPO}/{WEIGHTS}"), "404"]);
    let error = world.fetch(&format!("{REPO}/no-such-folder")).unwrap_err();
    reads_well(
        &error,
        &["no checkpoint in", "README.md", "OWNER/NAME/FOLDER"],
    );
    let error = world.fetch("mini-math").unwrap_err();
    assert_eq!(error.kind().exit_code(), 2);
}

#[test]
fn a_gated_repository_says_where_its_licence_is() {
    let world = World::new();
    world.hub.state(|state| state.gated.push(REPO.to_owned()));
    let error = world.fetch(REPO).unwrap_err();
    assert!(
        matches!(
            error,
            HubError::Refused {
                status: 401,
                with_token: false,
                ..
            }
        ),
        "{error:?}"
    );
    let page = format!("{}/{REPO}", world.hub.endpoint());
    reads_well(&error, &["401", "restricted", "licence", &page, "HF_TOKEN"]);

    let with_token = HubOptions {
        token: Some("hf_secret".to_owned()),
        ..world.options()
    };
    world.is_complete(&fetch(REPO, &with_token).unwrap());
    let seen = world.hub.state(|state| state.seen.clone());
    assert!(seen.iter().any(|seen| seen.has_token));
    assert!(
        !seen.iter().any(|seen| seen.is_cdn && seen.has_token),
        "the token goes to the hub alone"
    );
}

#[test]
fn a_gated_base_does_not_keep_the_weights_away() {
    let world = World::new();
    let repo = "connordilgren/llama32-1b-prosqa-cot";
    world.hub.add(repo, "checkpoint_10", &world.weights, true);
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        world.hub.add(LLAMA, name, b"{}", false);
    }
    world.hub.state(|state| state.gated.push(LLAMA.to_owned()));
    let fetched = world.fetch(repo).unwrap();
    assert_eq!(fs::read(&fetched.weights).unwrap(), world.weights);
    assert_eq!((&fetched.config, &fetched.tokenizer), (&None, &None));
    reads_well(
        &fetched.base_error.unwrap(),
        &[LLAMA, "licence", "HF_TOKEN"],
    );
    // Later, with a token, only the small files are fetched.
    let with_token = HubOptions {
        token: Some("hf_x".to_owned()),
        ..world.options()
    };
    let fetched = fetch(repo, &with_token).unwrap();
    assert!(fetched.tokenizer.is_some() && fetched.base_error.is_none());
    assert_eq!(world.hub.transfers("checkpoint_10").len(), 1);
    let base = hub::base_files(
        PretrainedBase::Llama,
        &world.offline(),
        &mut |_| (),
        &|| false,
    )
    .unwrap();
    assert_eq!(Some(base.config), fetched.config);
}

#[test]
fn redirects_that_lead_nowhere_are_told() {
    let world = World::new();
    let circle = format!("/{REPO}/resolve/{COMMIT}/{WEIGHTS}");
    let table = [
        (vec![Fault::Redirect(circle); 3], "redirect loop"),
        (
            vec![Fault::Redirect("file:///etc/passwd".to_owned())],
            "not an address",
        ),
        (
            (0..20)
                .map(|i| Fault::Redirect(format!("/{REPO}/resolve/{COMMIT}/{WEIGHTS}?{i}")))
                .collect(),
            "too many redirects",
        ),
    ];
    for (faults, says) in table {
        world.hub.change(REPO, WEIGHTS, |file| file.faults.clear());
        world.hub.fail(REPO, WEIGHTS, &faults);
        let error = world.fetch(REPO).unwrap_err();
        assert!(matches!(error, HubError::Redirect { .. }), "{error:?}");
        reads_well(&error, &[says]);
    }
}

#[test]
fn a_web_page_is_no_checkpoint() {
    let world = World::new();
    world.hub.fail(REPO, WEIGHTS, &[Fault::WebPage]);
    let error = world.fetch(REPO).unwrap_err();
    assert!(matches!(error, HubError::WebPage { .. }), "{error:?}");
    reads_well(&error, &["web page", WEIGHTS, "requires a login"]);
    assert!(
        !error.to_string().contains("secret"),
        "a signature is not shown: {error}"
    );
    assert_eq!(hub::cached(REPO, &world.options()), None);

    let page = "<!DOCTYPE html><title>\u{1b}[31mLog in</title>".to_owned();
    world
        .hub
        .state(|state| state.listings.insert(REPO.to_owned(), page));
    reads_well(
        &world.fetch(REPO).unwrap_err(),
        &["web page", "list of files"],
    );
}

#[test]
fn listings_that_make_no_sense_are_refused() {
    let world = World::new();
    for listing in [
        "{",
        "[]",
        r#"{"sha": "../../../x", "siblings": []}"#,
        "{\"sha\": \"\u{1b}[2J\", \"siblings\": []}",
    ] {
        let listing = listing.to_owned();
        world
            .hub
            .state(|state| state.listings.insert(REPO.to_owned(), listing));
        let error = world.fetch(REPO).unwrap_err();
        assert!(matches!(error, HubError::Answer { .. }), "{error:?}");
        reads_well(&error, &["HF_ENDPOINT"]);
    }
    // Paths outside the folder are ignored.
    let listing = format!(
        r#"{{"sha": "{COMMIT}", "siblings": [{{"rfilename": "../../../checkpoint_1"}},
            {{"rfilename": "/etc/checkpoint_2"}}, {{"rfilename": "notes\u001b[2J.md"}}]}}"#
    );
    world
        .hub
        .state(|state| state.listings.insert(REPO.to_owned(), listing));
    let error = world.fetch(REPO).unwrap_err();
    assert!(matches!(error, HubError::NoCheckpoint { .. }), "{error:?}");
    reads_well(&error, &[]);
}

#[test]
fn a_tag_that_is_a_path_is_refused() {
    let world = World::new();
    world.hub.change(REPO, WEIGHTS, |file| {
        file.etag = Some("../../../x".to_owned());
    });
    let error = world.fetch(REPO).unwrap_err();
    reads_well(&error, &["ETag"]);
    assert!(!world.cache.path().join("x").exists());
}

#[test]
fn several_checkpoints_are_listed_and_a_folder_chooses() {
    let world = World::new();
    let repo = "bmarti44/coconut-curriculum-checkpoints";
    for (folder, seed) in [("coconut", 3), ("pause-curriculum", 4)] {
        let path = format!("{folder}/checkpoint_best/pytorch_model.bin");
        world.hub.add(repo, &path, &contents(2000, seed), true);
        let config = format!("{folder}/config.json");
        world.hub.add(repo, &config, br#"{"epochs": 50}"#, false);
    }
    let error = world.fetch(repo).unwrap_err();
    assert_eq!(error.kind().exit_code(), 2);
    reads_well(
        &error,
        &[
            "2 checkpoints",
            "bmarti44/coconut-curriculum-checkpoints/coconut/checkpoint_best/pytorch_model.bin",
            "undertone fetch bmarti44/",
        ],
    );
    let HubError::Several { candidates, .. } = error else {
        panic!("{error:?}")
    };
    for id in [&format!("{repo}/coconut"), &candidates[0]] {
        let fetched = world.fetch(id).unwrap();
        assert_eq!(fs::read(&fetched.weights).unwrap(), contents(2000, 3));
        // A training configuration does not describe a model: the base's is used.
        let config = fs::read_to_string(fetched.config.unwrap()).unwrap();
        assert!(config.contains("gpt2"), "{config}");
    }
    // One of two is cached; that does not make it the only one.
    assert!(matches!(world.fetch(repo), Err(HubError::Several { .. })));
    assert!(fetch(&format!("{repo}/coconut"), &world.offline()).is_ok());
}

#[test]
fn own_configuration_and_tokenizer_go_before_those_of_the_base() {
    let world = World::new();
    let own = br#"{"model_type": "gpt2", "n_layer": 2}"#;
    world.hub.add(REPO, "config.json", own, false);
    world
        .hub
        .add(REPO, "tokenizer.json", br#"{"own": 1}"#, false);
    let fetched = world.fetch(REPO).unwrap();
    assert_eq!(fs::read(fetched.config.unwrap()).unwrap(), own);
    assert_eq!(
        fs::read(fetched.tokenizer.unwrap()).unwrap(),
        br#"{"own": 1}"#
    );
    assert_eq!(
        fetched.tokenizer_config, None,
        "another tokenizer's does not fit"
    );
    let asked = world.hub.state(|state| state.seen.clone());
    assert!(!asked.iter().any(|seen| seen.path.contains(GPT2)));
}

#[test]
fn a_sharded_checkpoint_comes_whole_or_not_at_all() {
    let world = World::new();
    let repo = "somebody/sharded";
    let index = |files: &[&str]| {
        let map: serde_json::Map<String, Value> = files
            .iter()
            .enumerate()
            .map(|(i, file)| (format!("tensor.{i}"), Value::from(*file)))
            .collect();
        serde_json::json!({ "weight_map": map }).to_string()
    };
    let shards = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ];
    let name = "model.safetensors.index.json";
    world.hub.add(
        repo,
        name,
        index(&[shards[0], shards[1], shards[0]]).as_bytes(),
        false,
    );
    world
        .hub
        .add(repo, "config.json", br#"{"model_type": "gpt2"}"#, false);
    world.hub.add(repo, shards[0], &contents(3000, 5), true);
    let error = world.fetch(repo).unwrap_err();
    reads_well(&error, &[name, shards[1]]);
    world.hub.add(repo, shards[1], &contents(4000, 6), true);
    let fetched = world.fetch(repo).unwrap();
    assert_eq!(fetched.weights.file_name().unwrap(), name);
    assert_eq!(fetched.shards.len(), 2);
    assert_eq!(fetched.bytes, 7000);
    assert_eq!(fs::read(&fetched.shards[1]).unwrap(), contents(4000, 6));
    assert!(
        fetched.tokenizer.is_some(),
        "its base is told by its configuration"
    );
    assert_eq!(hub::cached(repo, &world.offline()), Some(fetched.clone()));
    // Without one of its shards it is not cached.
    fs::remove_file(&fetched.shards[0]).unwrap();
    assert_eq!(hub::cached(repo, &world.offline()), None);

    for (i, wrong) in [
        "{}",
        "[",
        r#"{"weight_map": {"a": "../../x"}}"#,
        r#"{"weight_map": {}}"#,
    ]
    .into_iter()
    .enumerate()
    {
        let repo = format!("somebody/wrong-{i}");
        world.hub.add(&repo, name, wrong.as_bytes(), false);
        let error = world.fetch(&repo).unwrap_err();
        assert!(matches!(error, HubError::BadIndex { .. }), "{error:?}");
        reads_well(&error, &[name]);
    }
}

#[test]
fn offline_says_what_to_run_elsewhere_and_what_to_copy() {
    let world = World::new();
    let error = fetch(REPO, &world.offline()).unwrap_err();
    assert_eq!(world.hub.n_requests(), 0);
    let folder = "models--connordilgren--gpt2-prosqa-coconut";
    reads_well(&error, &[&format!("undertone fetch {REPO}"), folder]);
    let error = hub::base_files(PretrainedBase::Gpt2, &world.offline(), &mut |_| (), &|| {
        false
    })
    .unwrap_err();
    reads_well(&error, &["models--openai-community--gpt2"]);
}

#[test]
fn without_a_network_the_address_is_named_and_it_ends_at_once() {
    let world = World::new();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let options = HubOptions {
        endpoint: Some(format!("http://{closed}")),
        // Would take an hour if it were waited for.
        retry_pause: Duration::from_hours(1),
        ..world.options()
    };
    let error = fetch(REPO, &options).unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error:?}");
    reads_well(&error, &["127.0.0.1", "--offline"]);
}

#[test]
fn waiting_for_a_silent_server_can_be_cancelled() {
    // Accepts connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::new();
    let options = HubOptions {
        endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
        ..world.options()
    };
    let looks = Cell::new(0);
    let error = hub::fetch(REPO, &options, &mut |_| (), &|| {
        looks.set(looks.get() + 1);
        looks.get() > 3
    });
    assert_eq!(error, Err(HubError::Cancelled));
}

#[test]
fn two_downloads_of_one_file_do_not_mix() {
    let world = World::new();
    world.hub.fail(REPO, WEIGHTS, &[Fault::Hold(1000)]);
    let (options, again) = (world.options(), world.options());
    let second = Cell::new(None);
    // The second gives up as soon as it waits.
    let waits = Cell::new(false);
    let give_up = |step: DownloadProgress<'_>| {
        if let DownloadProgress::Waiting { name } = step {
            assert_eq!(name, WEIGHTS);
            waits.set(true);
        }
    };
    let first = hub::fetch(
        REPO,
        &options,
        &mut |step| {
            if let DownloadProgress::File {
                name: WEIGHTS,
                done: 1000,
                ..
            } = step
            {
                second.set(Some(hub::fetch(
                    REPO,
                    &again,
                    &mut give_up.clone(),
                    &|| waits.get(),
                )));
            }
        },
        &|| {
            let answer = second.take();
            let is_answered = answer.is_some();
            second.set(answer);
            is_answered
        },
    );
    assert_eq!(first, Err(HubError::Cancelled));
    assert_eq!(second.take(), Some(Err(HubError::Cancelled)));
}

#[test]
fn the_program_fetches_lists_and_says_what_to_run_next() {
    let world = World::new();
    let output = world.run(&["fetch", REPO]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(
        out.contains(&format!("next: undertone --model {REPO}")),
        "{out}"
    );
    assert!(out.contains(&sha256(&world.weights)), "{out}");
    assert!(
        err.contains(&format!("{WEIGHTS}: 700 kB of 700 kB, 100 %")),
        "{err}"
    );
    assert!(err.contains("verifying"), "{err}");

    let before = world.hub.n_requests();
    let output = world.run(&["fetch", REPO, "--json", "--offline"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "undertone.fetch/1");
    assert_eq!(report["revision"], COMMIT);
    assert_eq!(report["bytes"], LENGTH);
    assert_eq!(report["base"], "gpt2");
    assert_eq!(report["problem"], Value::Null);
    for file in ["weights", "config", "tokenizer"] {
        assert!(
            Path::new(report[file].as_str().unwrap()).is_file(),
            "{file}"
        );
    }
    assert_eq!(world.hub.n_requests(), before);

    let rows: Value = serde_json::from_slice(&world.run(&["models", "--json"]).stdout).unwrap();
    let row = |name: &str| {
        let mut rows = rows.as_array().unwrap().iter();
        rows.find(|row| row["name"] == name).unwrap()
    };
    assert_eq!(row(REPO)["cached"], true);
    assert_eq!(row(REPO)["path"], report["weights"]);
    assert_eq!(row(REPO)["accuracy"]["percent"], 98.0);
    assert_eq!(row("zen-E/CODI-gpt2")["cached"], false);
    assert_eq!(row("mini-math")["source"], "bundled");
}

#[test]
fn the_program_says_in_one_line_what_is_wrong() {
    let world = World::new();
    world.hub.state(|state| state.gated.push(GPT2.to_owned()));
    let table: [(&[&str], i32, &[&str]); 4] = [
        (
            &["fetch", "nobody/nothing"],
            3,
            &["error: the hub has no nobody/nothing"],
        ),
        (&["fetch", "nonsense"], 2, &["OWNER/NAME"]),
        (
            &["fetch", REPO, "--offline"],
            3,
            &["not in the cache", "hint: on a machine"],
        ),
        // The weights arrive, but are of little use without a tokenizer.
        (
            &["fetch", REPO],
            3,
            &["the hub refuses openai-community/gpt2", "hint: accept"],
        ),
    ];
    for (args, code, says) in table {
        let output = world.run(args);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {err}");
        for say in says {
            assert!(err.contains(say), "{args:?}: {err} does not say {say}");
        }
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_part_that_the_next_run_goes_on_from() {
    let world = World::new();
    world.hub.fail(REPO, WEIGHTS, &[Fault::Hold(500_000)]);
    let child = world.command(&["fetch", REPO]).spawn().unwrap();
    world.hub.wait_until_sent(WEIGHTS, 500_000);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(
        err.contains("cancelled") && err.contains("resume the download"),
        "{err}"
    );
    let kept = fs::metadata(world.partial()).unwrap().len();

    let output = world.run(&["fetch", REPO]);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{err}");
    let from = world.hub.transfers(WEIGHTS)[1].from;
    assert_eq!(from.unwrap_or(0), kept);
    let folder = world.folder().join("snapshots").join(COMMIT);
    assert!(fs::read(folder.join(WEIGHTS)).unwrap() == world.weights);
}

/// Changes the low bits of the last weight, which only the hash detects.
fn flip_value(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let low_bits_of_the_last = bytes.len() - 4;
    bytes[low_bits_of_the_last] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// A file of a bundled model, to be published under another name.
fn bundled(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/mini-math");
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_checkpoint_that_was_cut_on_its_way_is_resumed_verified_and_answers_like_the_original() {
    const MINE: &str = "somebody/mini-gsm8k";
    let world = World::new();
    let weights = bundled("model.safetensors");
    for (name, is_large) in [
        ("config.json", false),
        ("tokenizer.json", false),
        ("model.safetensors", true),
    ] {
        world.hub.add(MINE, name, &bundled(name), is_large);
    }
    let half = weights.len() / 2;
    world
        .hub
        .fail(MINE, "model.safetensors", &[Fault::Cut(half)]);
    let question = "Tom has 3 apples and buys 4 apples. How many apples does Tom have now?";
    let inspect = |model: &str, offline: bool| {
        let mut args = vec![
            "inspect",
            "--model",
            model,
            "--question",
            question,
            "--json",
        ];
        args.extend(offline.then_some("--offline"));
        let output = world.run(&args);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{err}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (report, err)
    };
    let (fetched, err) = inspect(MINE, false);
    assert!(err.contains("model.safetensors"), "{err}");
    let transfers = world.hub.transfers("model.safetensors");
    let starts: Vec<Option<u64>> = transfers.iter().map(|seen| seen.from).collect();
    assert_eq!(
        starts,
        [None, Some(half as u64)],
        "only the rest is asked for"
    );
    let sent: usize = transfers.iter().map(|seen| seen.sent).sum();
    assert_eq!(sent, weights.len(), "no byte is sent twice");

    let (original, _) = inspect("mini-math", true);
    assert_eq!(fetched["model"]["sha256"], original["model"]["sha256"]);
    assert_eq!(fetched["model"]["name"], MINE);
    for field in ["input_ids", "answer", "early_exit"] {
        assert_eq!(fetched[field], original[field], "{field}");
    }
    let before = world.hub.n_requests();
    assert_eq!(inspect(MINE, true).0["answer"], original["answer"]);
    assert_eq!(world.hub.n_requests(), before, "it is in the cache now");

    // A flipped bit is detected: inspect refuses the weights, and fetch repairs them.
    let blob = world
        .cache
        .path()
        .join("hub/models--somebody--mini-gsm8k/blobs");
    flip_value(&blob.join(sha256(&weights)));
    let output = world.run(&["inspect", "--model", MINE, "--question", question]);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("are damaged: their SHA-256"), "{err}");
    assert!(err.contains(&format!("undertone fetch {MINE}")), "{err}");
    assert_eq!(world.run(&["fetch", MINE]).status.code(), Some(0));
    assert_eq!(inspect(MINE, true).0["answer"], original["answer"]);

    let nowhere = world.run(&["inspect", "--model", "some/where", "--question", "x"]);
    let err = text(&nowhere.stderr);
    assert_eq!(nowhere.status.code(), Some(3), "{err}");
    assert!(
        err.contains("no local file or folder of that name"),
        "{err}"
    );
}
