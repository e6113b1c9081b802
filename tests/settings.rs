//! A person's settings and themes, where the real program finds them: what they say holds, and what cannot be used is told
//! with its place.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The place of a person's settings, with these files in it.
fn config(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("config-{name}"));
    let _ = fs::remove_dir_all(&place);
    for (file, text) in files {
        let path = place.join("whyport").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    place
}

/// A picture of the story, by a person with these settings.
fn shot(config: &Path, theme: &str) -> (Output, String) {
    let picture = config.join("picture.ansi");
    let output = Command::new(env!("CARGO_BIN_EXE_whyport"))
        .args(["shot", "--demo", "--size", "80x24", "--theme", theme, "-o"])
        .arg(&picture)
        .env("XDG_CONFIG_HOME", config)
        .output()
        .unwrap();
    (output, fs::read_to_string(picture).unwrap_or_default())
}

/// What it said, where it refused with wrong usage.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn a_theme_of_ones_own_is_found_by_its_name_and_by_its_file() {
    let config = config("own", &[("themes/mine.toml", "based-on = \"dark\"\n[tones]\nchanged = \"bold #010203\"\n")]);
    let file = config.join("whyport/themes/mine.toml");
    for theme in ["mine", file.to_str().unwrap()] {
        let (output, picture) = shot(&config, theme);
        assert!(output.status.success(), "{output:?}");
        assert!(picture.contains(";38;2;1;2;3"), "{theme}");
    }
    let (_, dark) = shot(&config, "dark");
    assert!(!dark.contains(";38;2;1;2;3") && dark.contains(";48;2;"));
}

#[test]
fn a_theme_that_is_not_there_or_has_a_flaw_is_refused_with_the_reason() {
    let config = config("flawed", &[("themes/mine.toml", "\n[tones]\nchangde = \"bold\"\nbad = \"blod\"\n")]);
    assert!(refused(&shot(&config, "drak").0).contains("no theme is called “drak”; did you mean “dark”?"));
    let flaw = refused(&shot(&config, "mine").0);
    let told = "themes/mine.toml:3: no tone is called “changde”; did you mean “changed”? (and 1 more)";
    assert!(flaw.contains(told), "{flaw}");
    assert!(refused(&shot(&config, "./nowhere.toml").0).contains("nowhere.toml: the theme could not be read"));
}

#[test]
fn a_theme_is_for_a_screen() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_whyport")).args(["--theme", "dark", "ports", "--demo"]).output().unwrap();
    assert!(refused(&output).contains("--theme"));
}

#[test]
fn a_picture_has_no_colours_where_none_are_wanted_and_a_theme_that_is_asked_for_is_wanted() {
    let place = config("uncoloured", &[]);
    let picture = place.join("picture.ansi");
    fs::create_dir_all(&place).unwrap();
    let is_coloured = |no_color: &str, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whyport"));
        command.args(["shot", "--demo", "-o"]).arg(&picture).args(arguments).env("XDG_CONFIG_HOME", &place);
        assert!(command.env("NO_COLOR", no_color).status().unwrap().success(), "{arguments:?}");
        fs::read_to_string(&picture).unwrap().contains(";38;2;")
    };
    assert!(is_coloured("", &[]));
    assert!(!is_coloured("1", &[]));
    assert!(is_coloured("1", &["--color", "always"]));
    assert!(is_coloured("1", &["--theme", "light"]));
    assert!(!is_coloured("", &["--color", "never"]));
    assert!(!is_coloured("", &["--color", "never", "--theme", "light"]));
}
