//! Seeded mutations of saved inputs, for where no fuzzer is: bits flipped, pieces cut, repeated and spliced.

use rand::Rng;
use rand::rngs::SmallRng;

/// No mutation makes an input longer than this.
const BYTES_MAX: usize = 128 << 10;

/// Numbers at which readers of lengths and places go wrong.
const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xfe, 0xff, 0x20, 0x0a];

/// Returns one of the inputs with one to six changes.
pub fn mutated(inputs: &[Vec<u8>], rng: &mut SmallRng) -> Vec<u8> {
    let pick = |rng: &mut SmallRng| inputs.get(rng.random_range(0..inputs.len().max(1)));
    let mut bytes = pick(rng).cloned().unwrap_or_default();
    for _ in 0..rng.random_range(1..=6) {
        let other = pick(rng).cloned().unwrap_or_default();
        change(&mut bytes, &other, rng);
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], rng: &mut SmallRng) {
    let place = |length: usize, rng: &mut SmallRng| rng.random_range(0..=length);
    if bytes.is_empty() {
        bytes.push(rng.random());
        return;
    }
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..9) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes[at] = rng.random(),
        2 => bytes[at] = EDGES[rng.random_range(0..EDGES.len())],
        3 => bytes[at] = bytes[at].wrapping_add(if rng.random() { 1 } else { 255 }),
        4 => bytes.truncate(at),
        5 => {
            let end = place(bytes.len().min(at + 64) - at, rng) + at;
            bytes.drain(at..end);
        }
        6 => {
            let end = place(bytes.len().min(at + 64) - at, rng) + at;
            let again = bytes[at..end].to_vec();
            let to = place(bytes.len(), rng);
            bytes.splice(to..to, again);
        }
        7 => {
            // The end of another input behind the beginning of this one.
            let from = place(other.len(), rng);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        _ => {
            let from = place(other.len(), rng);
            let piece = &other[from..other.len().min(from + rng.random_range(0..=64))];
            bytes.splice(at..at, piece.iter().copied());
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_inputs_again_and_most_differ() {
        let inputs = [b"first".to_vec(), b"second one".to_vec()];
        let all = |seed| {
            let mut rng = SmallRng::seed_from_u64(seed);
            (0..100).map(|_| mutated(&inputs, &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(all(7), all(7));
        assert_ne!(all(7), all(8));
        let changed = all(7).iter().filter(|bytes| !inputs.contains(bytes)).count();
        assert!(changed > 80, "{changed}");
    }
}
