//! Reads platforms as containerd's Go package does; `golden/README.md` says where the table comes from.

#![allow(clippy::unwrap_used)] // a test through and through

use buildkit_llb::Platform;

#[test]
fn same_as_containerd() {
    let rows: Vec<Vec<String>> = serde_json::from_str(include_str!("golden/platforms.json")).unwrap();
    assert!(rows.len() > 200);
    for row in rows {
        let mut ours = vec![row[0].clone()];
        if let Ok(platform) = row[0].parse::<Platform>() {
            ours.extend([platform.to_string(), platform.normalized().to_string()]);
        }
        assert_eq!(ours, row);
    }
}
