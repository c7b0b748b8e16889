use proptest::prelude::*;

use super::*;

/// The leaves of the test vectors of Certificate Transparency (RFC 6962's reference implementation).
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn texts(hashes: &[TreeHash]) -> Vec<String> {
    hashes.iter().map(TreeHash::to_string).collect()
}

/// A tree with its root after every leaf.
struct Grown {
    nodes: MemoryNodes,
    leaves: Vec<TreeHash>,
    roots: Vec<TreeHash>,
}

fn grown(contents: impl IntoIterator<Item = Vec<u8>>) -> Grown {
    let (mut frontier, mut nodes) = (Frontier::default(), MemoryNodes::default());
    let (mut leaves, mut roots) = (Vec::new(), vec![frontier.root()]);
    for content in contents {
        let leaf = TreeHash::of_leaf(&content);
        nodes.keep(frontier.append(leaf));
        leaves.push(leaf);
        roots.push(frontier.root());
    }
    Grown { nodes, leaves, roots }
}

fn numbered(count: u64) -> Grown {
    grown((0..count).map(|number| number.to_le_bytes().to_vec()))
}

/// The tree's hash as RFC 6962 defines it, with all leaves at hand.
fn defined(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => TreeHash::of_nothing(),
        [leaf] => *leaf,
        leaves => {
            let half = leaves.len().next_power_of_two() / 2;
            TreeHash::of_both(&defined(&leaves[..half]), &defined(&leaves[half..]))
        }
    }
}

#[test]
fn the_known_answers_of_certificate_transparency_come_out() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(TreeHash::of_nothing().to_string(), empty);
    let tree = grown(LEAVES.iter().map(|leaf| hex::decode(leaf).unwrap()));
    assert_eq!(texts(&tree.roots[1..]), ROOTS);
    let proof = |path: Result<Vec<TreeHash>, _>| -> Vec<String> {
        let Ok::<_, std::convert::Infallible>(path) = path;
        texts(&path)
    };
    assert_eq!(
        proof(inclusion(&tree.nodes, 0, 8)),
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]
    );
    assert_eq!(
        proof(inclusion(&tree.nodes, 2, 3)),
        ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]
    );
    assert_eq!(proof(consistency(&tree.nodes, 1, 1)), [""; 0]);
    assert_eq!(
        proof(consistency(&tree.nodes, 6, 8)),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        proof(consistency(&tree.nodes, 2, 5)),
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ]
    );
}

#[test]
fn every_tree_up_to_260_leaves_hashes_as_defined_and_proves_each_leaf_and_each_earlier_tree() {
    let tree = numbered(260);
    for size in 0..=260_usize {
        let root = tree.roots[size];
        assert_eq!(root, defined(&tree.leaves[..size]), "{size}");
        let Ok(kept) = root_at(&tree.nodes, size as u64);
        assert_eq!(kept, root, "{size}");
        for old in 0..=size {
            let Ok(proof) = consistency(&tree.nodes, old as u64, size as u64);
            let before = (old as u64, tree.roots[old]);
            assert!(verify_consistency(before, (size as u64, root), &proof), "{old} in {size}");
            assert!(proof.len() <= 2 * 9, "{} hashes for {old} in {size}", proof.len());
        }
        for index in 0..size {
            let Ok(path) = inclusion(&tree.nodes, index as u64, size as u64);
            let leaf = tree.leaves[index];
            let (at, of) = (index as u64, size as u64);
            assert!(verify_inclusion(leaf, at, of, root, &path), "{index} in {size}");
            assert!(path.len() <= 9);
        }
    }
}

#[test]
fn a_changed_moved_or_missing_leaf_is_in_no_consistent_tree() {
    let contents = |count: u64| (0..count).map(|number| number.to_le_bytes().to_vec());
    let honest = numbered(64);
    for old in 1..=32_u64 {
        for place in 0..old {
            let place = usize::try_from(place).unwrap();
            let mut edited: Vec<_> = contents(64).collect();
            edited[place][0] ^= 1;
            let mut gone: Vec<_> = contents(65).collect();
            gone.remove(place);
            let mut moved: Vec<_> = contents(64).collect();
            moved.swap(place, place + 1);
            for rewritten in [edited, gone, moved] {
                let tree = grown(rewritten);
                let Ok(proof) = consistency(&tree.nodes, old, 64);
                let seen = (old, honest.roots[usize::try_from(old).unwrap()]);
                assert!(!verify_consistency(seen, (64, tree.roots[64]), &proof), "{old} {place}");
            }
        }
    }
}

#[test]
fn a_leaf_cannot_pass_for_an_inner_node() {
    let tree = numbered(2);
    let joined = [tree.leaves[0].0, tree.leaves[1].0].concat();
    assert_ne!(TreeHash::of_leaf(&joined), tree.roots[2]);
}

#[test]
fn no_proof_overflows_at_the_largest_sizes() {
    let some = TreeHash([7; 32]);
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1] {
        for count in [0, 1, 63, 64, PROOF_HASHES_MAX, PROOF_HASHES_MAX + 1] {
            let proof = vec![some; count];
            assert!(!verify_inclusion(some, size - 1, size, some, &proof));
            assert!(!verify_inclusion(some, size, size, some, &proof));
            assert!(!verify_consistency((1, some), (size, some), &proof));
            assert!(!verify_consistency((size - 1, some), (size, some), &proof));
        }
    }
}

proptest! {
    #[test]
    fn random_trees_prove_what_is_so_and_nothing_else(
        size in 1_u64..3_000,
        old in any::<prop::sample::Index>(),
        index in any::<prop::sample::Index>(),
        spoil in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let tree = numbered(size);
        let whole = usize::try_from(size).unwrap();
        let (old, index) = (old.index(whole) + 1, index.index(whole));
        let root = tree.roots[whole];
        let Ok(mut proof) = consistency(&tree.nodes, old as u64, size);
        let (before, after) = ((old as u64, tree.roots[old]), (size, root));
        prop_assert!(verify_consistency(before, after, &proof));
        prop_assert_eq!(proof.is_empty(), old == whole);
        if !proof.is_empty() {
            let at = spoil.index(proof.len());
            proof[at].0[3] ^= 1 << bit;
            prop_assert!(!verify_consistency(before, after, &proof));
            proof.remove(at);
            prop_assert!(!verify_consistency(before, after, &proof));
        }
        let Ok(mut path) = inclusion(&tree.nodes, index as u64, size);
        prop_assert!(verify_inclusion(tree.leaves[index], index as u64, size, root, &path));
        let other = (index + 1) % whole;
        if other != index {
            prop_assert!(!verify_inclusion(tree.leaves[other], index as u64, size, root, &path));
        }
        path.push(root);
        prop_assert!(!verify_inclusion(tree.leaves[index], index as u64, size, root, &path));
    }

    #[test]
    fn hostile_proofs_are_answered_and_not_believed(
        sizes in any::<(u64, u64, u64)>(),
        hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70),
        roots in any::<([u8; 32], [u8; 32])>(),
    ) {
        let proof: Vec<_> = hashes.into_iter().map(TreeHash).collect();
        let (old, new) = (TreeHash(roots.0), TreeHash(roots.1));
        prop_assert!(!verify_inclusion(old, sizes.0, sizes.1, new, &proof) || proof.is_empty());
        prop_assert!(!verify_consistency((sizes.0, old), (sizes.1, new), &proof));
    }
}

/// Counts what is read of it.
struct Counted<'a>(&'a MemoryNodes, std::cell::Cell<usize>);

impl Nodes for Counted<'_> {
    type Error = std::convert::Infallible;

    fn node(&self, name: NodeName) -> Result<TreeHash, Self::Error> {
        self.1.set(self.1.get() + 1);
        self.0.node(name)
    }
}

#[test]
fn a_proof_reads_few_hashes_however_large_the_tree() {
    let size = 100_000_u64;
    let tree = numbered(size);
    let levels = usize::try_from(size.ilog2()).unwrap() + 1;
    for old in [1, 2, 3, 49_999, 65_536, 65_537, 99_999] {
        let counted = Counted(&tree.nodes, std::cell::Cell::new(0));
        let Ok(proof) = consistency(&counted, old, size);
        assert!(counted.1.get() <= 2 * levels, "{} reads for {old}", counted.1.get());
        assert!(proof.len() <= levels + 1, "{} hashes for {old}", proof.len());
        let counted = Counted(&tree.nodes, std::cell::Cell::new(0));
        let Ok(_) = inclusion(&counted, old, size);
        assert!(counted.1.get() <= 2 * levels, "{} reads for {old}", counted.1.get());
    }
}

#[test]
fn what_every_append_completes_is_two_hashes_on_average() {
    let mut frontier = Frontier::default();
    let completed: usize =
        (0..4_096_u64).map(|n| frontier.append(TreeHash::of_leaf(&n.to_le_bytes())).len()).sum();
    assert_eq!(completed, 2 * 4_096 - 1);
}
