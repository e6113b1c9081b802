//! Seeds of every target.
//!
//! `seeds DIR` makes a folder of each target in DIR, from texts and bytes that are part of the project: the same ones
//! wherever and whenever it runs. `seeds --kernel DIR`, run by `fuzz/run` as root within `unshare -n`, adds what the kernel
//! of this machine says of rules, links and sockets that are made in a network namespace of this process; a rule that this
//! kernel or its tools do not take makes no seed. `seeds --keep FILE DIR` writes the seeds in DIR to one file of `recorded`.
//! At the end it says how many there are.

mod kernel;
mod messages;
mod texts;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (folder, with_kernel) = match words[..] {
        ["--keep", file, folder] => return keep(Path::new(file), Path::new(folder)),
        ["--kernel", folder] => (folder, true),
        [folder] => (folder, false),
        _ => panic!("seeds [--kernel] DIR, or seeds --keep FILE DIR"),
    };
    let mut seeds = Seeds { folder: PathBuf::from(folder), counts: BTreeMap::new() };
    texts::add(&mut seeds);
    recorded(&mut seeds);
    if with_kernel {
        kernel::add(&mut seeds);
    }
    println!("seeds: {:?}", seeds.counts);
}

/// Where seeds go, and how many there are of each target.
struct Seeds {
    folder: PathBuf,
    counts: BTreeMap<String, usize>,
}

impl Seeds {
    fn add(&mut self, target: &str, bytes: &[u8]) {
        let count = self.counts.entry(target.to_owned()).or_default();
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder).expect("a folder of seeds");
        fs::write(folder.join(format!("{count:05}")), bytes).expect("a seed");
        *count += 1;
    }

    /// Adds every text of a folder of the project whose name ends so.
    fn add_files(&mut self, target: &str, folder: &str, end: &str) {
        for path in files(&project().join(folder)) {
            if path.to_string_lossy().ends_with(end) {
                self.add(target, &fs::read(path).expect("a text"));
            }
        }
    }
}

/// The files of a folder, in the order of their names: a folder's own order differs from machine to machine.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn text(name: &str) -> String {
    fs::read_to_string(project().join(name)).expect(name)
}

/// What kernels said once: a file of each target, with a seed a line, in hexadecimal; `[40]` stands for 40 zeros.
fn recorded(seeds: &mut Seeds) {
    for path in files(&project().join("fuzz/seeds/recorded")) {
        let target = path.file_stem().expect("a name").to_string_lossy().into_owned();
        for line in fs::read_to_string(&path).expect("a text").lines() {
            seeds.add(&target, &bytes(line));
        }
    }
}

/// Writes the files of a folder as lines of [`recorded`], each once, the short ones first.
fn keep(file: &Path, folder: &Path) {
    let mut seeds: Vec<Vec<u8>> = files(folder).iter().map(|path| fs::read(path).expect("a seed")).collect();
    seeds.sort_by_key(|seed| (seed.len(), seed.clone()));
    seeds.dedup();
    let lines: String = seeds.iter().map(|seed| line(seed) + "\n").collect();
    fs::write(file, lines).expect("a file");
}

fn bytes(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(sign) = rest.chars().next() {
        if sign == '[' {
            let (zeros, after) = rest[1..].split_once(']').expect("[40]");
            bytes.resize(bytes.len() + zeros.parse::<usize>().expect("a number"), 0);
            rest = after;
        } else {
            bytes.push(u8::from_str_radix(&rest[..2], 16).expect("hexadecimal"));
            rest = &rest[2..];
        }
    }
    bytes
}

fn line(bytes: &[u8]) -> String {
    let mut line = String::new();
    for run in bytes.chunk_by(|one, next| (*one == 0) == (*next == 0)) {
        match run {
            [0, 0, 0, ..] => line.push_str(&format!("[{}]", run.len())),
            _ => run.iter().for_each(|byte| line.push_str(&format!("{byte:02x}"))),
        }
    }
    line
}
