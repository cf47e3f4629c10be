//! Loose objects: zlib data of `KIND SP SIZE NUL CONTENT`.

use std::io::Read;

use flate2::read::ZlibDecoder;
use gix_object::Kind;

/// Why an object cannot be had from its bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LooseError {
    /// Not zlib data, or cut short.
    #[error("its compressed data is damaged")]
    Compression,
    /// The header is not that of an object.
    #[error("its header is not that of an object")]
    Header,
    /// The content is shorter or longer than the header says.
    #[error("its size is not the one in its header")]
    Size,
    /// The content belongs to another id.
    #[error("its content has the id {found}")]
    Hash { found: String },
    /// It is larger than anything that is read.
    #[error("it is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    /// It is a folder that Git would not have written.
    #[error("{reason}")]
    Tree { reason: &'static str },
    /// Reading the repository has cost more than it may.
    #[error("reading the repository takes more than {limit} bytes; the rest is not read")]
    Exhausted { limit: u64 },
}

/// The longest header is a kind of six letters, a space and a size of twenty digits.
const MAX_HEADER: u64 = 32;

/// Kind and size, with no more unpacked than their header.
pub(crate) fn header(compressed: &[u8]) -> Result<(Kind, u64), LooseError> {
    let mut start = Vec::new();
    ZlibDecoder::new(compressed)
        .take(MAX_HEADER)
        .read_to_end(&mut start)
        .map_err(|_| LooseError::Compression)?;
    parse_header(&start).map(|(kind, size, _)| (kind, size))
}

/// Unpacks into `buffer`, which is cleared first, and tells the kind.
pub(crate) fn inflate(
    compressed: &[u8],
    limit: u64,
    buffer: &mut Vec<u8>,
) -> Result<Kind, LooseError> {
    buffer.clear();
    ZlibDecoder::new(compressed)
        .take(limit + MAX_HEADER)
        .read_to_end(buffer)
        .map_err(|_| LooseError::Compression)?;
    let (kind, size, length) = parse_header(buffer)?;
    if size > limit {
        return Err(LooseError::TooLarge { limit });
    }
    buffer.drain(..length);
    if buffer.len() as u64 == size { Ok(kind) } else { Err(LooseError::Size) }
}

/// Kind, size, and the length of the header that says so.
fn parse_header(start: &[u8]) -> Result<(Kind, u64, usize), LooseError> {
    let end = start.iter().take(MAX_HEADER as usize).position(|byte| *byte == 0);
    let end = end.ok_or(LooseError::Header)?;
    let header = start.get(..end).and_then(|header| std::str::from_utf8(header).ok());
    let (kind, size) = header.and_then(|text| text.split_once(' ')).ok_or(LooseError::Header)?;
    let kind = Kind::from_bytes(kind.as_bytes()).map_err(|_| LooseError::Header)?;
    let size: u64 = size.parse().map_err(|_| LooseError::Header)?;
    Ok((kind, size, end + 1))
}
