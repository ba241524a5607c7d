//! Sets built in slices, and sets read from bytes, equal those built in one go.

use super::*;
use crate::core::problem::Split;
use crate::core::types::Task;
use crate::engine::model::{Device, LoadOptions, tiny};
use crate::lab::analysis::problems;

const ORIGIN: &str = "forty";

fn model(seed: u64) -> Model {
    Model::load(
        &tiny::checkpoint(seed),
        &LoadOptions::default(),
        &Device::Cpu,
        &mut |_| {},
    )
    .expect("the toy loads")
}

fn forty() -> Vec<Problem> {
    problems::for_task(Task::Math, Split::Train, 40, 5).expect("problems")
}

fn made(model: &Model) -> (Reference, ReferenceKey) {
    let problems = forty();
    let made = Reference::build(model, ORIGIN, &problems, &Cancel::new()).expect("made");
    (made, ReferenceKey::new(model, ORIGIN, &problems))
}

#[test]
fn a_set_that_was_stopped_again_and_again_is_the_set_made_in_one_go() {
    let model = model(3);
    let (whole, key) = made(&model);
    assert!(whole.len() > 16, "{}", whole.len());
    let mut builder = Builder::new(&model, ORIGIN, &forty());
    let mut seen = vec![builder.progress().0];
    loop {
        let stopped = Cancel::new();
        stopped.cancel();
        let before = builder.progress();
        assert!(matches!(
            builder.advance(&model, &stopped),
            Err(ModelError::Cancelled)
        ));
        assert_eq!(builder.progress(), before, "nothing done is lost");
        let goes_on = builder.advance(&model, &Cancel::new()).expect("a slice");
        seen.push(builder.progress().0);
        if !goes_on {
            break;
        }
    }
    assert!(seen.is_sorted() && seen.len() > 3, "{seen:?}");
    assert_eq!(builder.progress(), (whole.len(), whole.len()));
    let slices = builder.finish(&model);
    assert_eq!(slices, whole);
    assert_eq!(slices.to_bytes(&key), whole.to_bytes(&key));
}

#[test]
fn what_is_read_back_is_the_same_to_the_last_bit() {
    let model = model(4);
    let problems = forty();
    let of = (&model, ORIGIN, problems.as_slice());
    let (mut set, key) = made(&model);
    let bytes = set.to_bytes(&key).expect("small enough");
    let read = Reference::from_bytes(&bytes, &key, of).expect("whole");
    assert_eq!(read, set);
    assert!(Arc::ptr_eq(&read.items[0].fed[0], &read.items[0].states[0]));

    // Separate states, as with CODI.
    let state: Arc<[f32]> = set.items[1].states[0].iter().map(|x| -x).collect();
    set.items[1].states[0] = state;
    let items = set.items.clone();
    let set = Reference::of(ORIGIN, items, &model);
    let bytes = set.to_bytes(&key).expect("small enough");
    assert_eq!(Reference::from_bytes(&bytes, &key, of), Ok(set));
}

#[test]
fn bytes_that_are_not_the_set_are_refused() {
    let model = model(5);
    let problems = forty();
    let of = (&model, ORIGIN, problems.as_slice());
    let (set, key) = made(&model);
    let bytes = set.to_bytes(&key).expect("small enough");
    for length in [0, 7, 8, 11, 40, bytes.len() / 2, bytes.len() - 1] {
        assert!(
            Reference::from_bytes(&bytes[..length], &key, of).is_err(),
            "{length}"
        );
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 97) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(Reference::from_bytes(&damaged, &key, of).is_err(), "{at}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Reference::from_bytes(&longer, &key, of).is_err());
    // Counts beyond any bound, with a valid checksum.
    let counts = 8 + 4 + u32::from_le_bytes(bytes[8..12].try_into().expect("four")) as usize;
    for at in 0..4 {
        let mut huge = bytes[..bytes.len() - 32].to_vec();
        huge[counts + 4 * at..counts + 4 * at + 4].fill(0xff);
        huge.extend(sha2::Digest::finalize(sha2::Digest::chain_update(
            <sha2::Sha256 as sha2::Digest>::new(),
            &huge,
        )));
        let refused = Reference::from_bytes(&huge, &key, of).expect_err("counts");
        assert!(refused.contains("counts"), "{refused}");
    }
    // Another model of the same shape, other problems, another origin.
    let other = self::model(6);
    assert_ne!(ReferenceKey::new(&other, ORIGIN, &problems), key);
    assert_ne!(ReferenceKey::new(&model, ORIGIN, &problems[1..]), key);
    assert_ne!(ReferenceKey::new(&model, "others", &problems), key);
    let other = ReferenceKey::new(&other, ORIGIN, &problems);
    let refused = Reference::from_bytes(&bytes, &other, of).expect_err("another key");
    assert!(refused.contains("another model"), "{refused}");
}

#[test]
fn a_set_too_large_to_keep_is_not_kept() {
    let model = model(7);
    let (set, key) = made(&model);
    let empty = Reference::of(ORIGIN, Vec::new(), &model);
    assert!(empty.to_bytes(&key).is_none());
    let wide: Arc<[f32]> = vec![0.0; LONGEST / 4 / set.len()].into();
    let mut items = set.items;
    for item in &mut items {
        item.fed[0] = Arc::clone(&wide);
    }
    let set = Reference {
        items,
        ..Reference::default()
    };
    assert!(set.to_bytes(&key).is_none());
}
