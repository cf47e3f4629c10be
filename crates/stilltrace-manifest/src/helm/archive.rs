//! Charts packed as `.tgz`, unpacked in memory.

use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;

use super::call::ChartFiles;

/// Bytes of one block of a tar archive.
const BLOCK: usize = 512;

/// Why an archive is not unpacked; a phrase that follows the archive's path.
pub(super) type Refusal = &'static str;

/// The files of a packed chart, by their path below the chart's folder.
///
/// Links, devices and paths that lead out are left out. `limit` bounds the unpacked bytes.
pub(super) fn unpack(packed: &[u8], limit: usize) -> Result<(String, ChartFiles), Refusal> {
    let mut bytes = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut reader = GzDecoder::new(packed).take(bound.saturating_add(1));
    reader.read_to_end(&mut bytes).map_err(|_| "is not a gzip archive that can be read")?;
    if bytes.len() > limit {
        return Err("unpacks to more than a chart may hold");
    }
    let mut name = None;
    let mut files = ChartFiles::new();
    let mut rest = bytes.as_slice();
    let mut long_name: Option<String> = None;
    while let Some((header, after)) = rest.split_at_checked(BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let size = octal(header.get(124..136)).ok_or("has an entry without a size")?;
        let padded =
            size.div_ceil(BLOCK).checked_mul(BLOCK).ok_or("has an entry without a size")?;
        let content = after.get(..size).ok_or("ends within a file")?;
        rest = after.get(padded..).unwrap_or(&[]);
        match header.get(156) {
            // A name too long for the header, in GNU's way and in POSIX's.
            Some(b'L') => long_name = Some(text(content)),
            Some(b'x') => long_name = pax_path(content).or(long_name),
            Some(b'0' | 0) => {
                let path = long_name.take().unwrap_or_else(|| entry_name(header));
                let Some((folder, inside)) = clean(&path) else { continue };
                if name.get_or_insert_with(|| folder.clone()) == &folder {
                    files.insert(inside, Arc::from(content));
                }
            }
            _ => long_name = None,
        }
    }
    let name = name.ok_or("holds no files")?;
    Ok((name, files))
}

/// The first folder and the path below it; `None` for a path that leads out.
fn clean(path: &str) -> Option<(String, String)> {
    let path = crate::tree::join("", path)?;
    let (folder, inside) = path.split_once('/')?;
    Some((folder.to_owned(), inside.to_owned()))
}

/// Prefix and name of a header.
fn entry_name(header: &[u8]) -> String {
    let name = text(header.get(..100).unwrap_or(&[]));
    let is_posix = header.get(257..262) == Some(b"ustar");
    let prefix = if is_posix { text(header.get(345..500).unwrap_or(&[])) } else { String::new() };
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

/// The path of a POSIX extended header: lines of length, space, key, `=`, value.
fn pax_path(content: &[u8]) -> Option<String> {
    let content = String::from_utf8_lossy(content);
    let line = content.lines().find_map(|line| line.split_once(" path="))?;
    Some(line.1.to_owned())
}

/// Text up to the first zero byte.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn octal(field: Option<&[u8]>) -> Option<usize> {
    usize::from_str_radix(text(field?).trim(), 8).ok()
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// An archive of files as `tar czf` makes it.
    pub(in crate::helm) fn packed(files: &[(&str, &str)]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        for (name, content) in files {
            let mut header = [0; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            header[156] = b'0';
            gzip.write_all(&header).unwrap();
            gzip.write_all(content.as_bytes()).unwrap();
            gzip.write_all(&vec![0; content.len().next_multiple_of(BLOCK) - content.len()])
                .unwrap();
        }
        gzip.write_all(&[0; 2 * BLOCK]).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn files_lie_below_the_charts_folder() {
        let archive = packed(&[("db/Chart.yaml", "name: db\n"), ("db/templates/a.yaml", "x")]);
        let (name, files) = unpack(&archive, 4096).unwrap();
        assert_eq!(name, "db");
        assert_eq!(files.keys().collect::<Vec<_>>(), ["Chart.yaml", "templates/a.yaml"]);
        assert_eq!(&*files["Chart.yaml"], b"name: db\n");
    }

    #[test]
    fn paths_that_lead_out_are_left_out() {
        let archive =
            packed(&[("db/Chart.yaml", "x"), ("db/../../etc/passwd", "y"), ("/a/b", "z")]);
        assert_eq!(unpack(&archive, 4096).unwrap().1.len(), 1);
    }

    #[test]
    fn bombs_and_garbage_are_refused() {
        let zeros = "0".repeat(100_000);
        let archive = packed(&[("db/zeros", &zeros)]);
        assert_eq!(unpack(&archive, 4096), Err("unpacks to more than a chart may hold"));
        assert!(unpack(b"garbage", 4096).is_err());
        assert!(unpack(&archive[..archive.len() / 2], 1 << 20).is_err());
    }
}
