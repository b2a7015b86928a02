//! What form a file has, by its beginning and its name. A name never makes a file harmless.

/// The bytes of a file's beginning that its form is told by.
pub const HEAD: usize = 1_024;

/// A file's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// PDF.
    Pdf,
    /// A zip file: cleaned if it is a document of Office or OpenDocument.
    Zip,
    /// TIFF, which cameras' raw files are as well.
    Tiff,
    /// A form that hides something, and is not cleaned here: its name.
    Carrier(&'static str),
    /// Its name promises what the contents are not.
    Mismatch(&'static str),
    /// None of these.
    Other,
}

/// Beginnings of files: where, what, and the form.
const MAGIC: &[(usize, &[u8], Form)] = &[
    (0, b"\xff\xd8\xff", Form::Jpeg),
    (0, b"\x89PNG\r\n\x1a\n", Form::Png),
    (8, b"WEBP", Form::Webp),
    (0, b"PK\x03\x04", Form::Zip),
    (0, b"PK\x05\x06", Form::Zip),
    (0, b"II*\0", Form::Tiff),
    (0, b"MM\0*", Form::Tiff),
    (0, b"II+\0", Form::Tiff),
    (0, b"MM\0+", Form::Tiff),
    (0, b"IIRO", Form::Tiff),
    (0, b"IIU\0", Form::Tiff),
    (4, b"ftyp", Form::Carrier("film, sound or photograph (MP4, HEIF)")),
    (4, b"moov", Form::Carrier("film (QuickTime)")),
    (4, b"jP  ", Form::Carrier("photograph (JPEG 2000)")),
    (4, b"JXL ", Form::Carrier("photograph (JPEG XL)")),
    (0, b"\xff\x0a", Form::Carrier("photograph (JPEG XL)")),
    (0, b"GIF8", Form::Carrier("picture (GIF)")),
    (0, b"8BPS", Form::Carrier("picture (Photoshop)")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Form::Carrier("document of an old Office program")),
    (0, b"{\\rtf", Form::Carrier("document (RTF)")),
    (0, b"%!PS", Form::Carrier("PostScript")),
    (0, b"ID3", Form::Carrier("sound (MP3)")),
    (0, b"fLaC", Form::Carrier("sound (FLAC)")),
    (0, b"OggS", Form::Carrier("sound or film (Ogg)")),
    (0, b"RIFF", Form::Carrier("sound or film (WAV, AVI)")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Form::Carrier("sound or film (Windows Media)")),
    (0, b"\x1a\x45\xdf\xa3", Form::Carrier("film (Matroska, WebM)")),
    (0, b"\x1f\x8b", Form::Carrier("archive (gzip)")),
    (0, b"7z\xbc\xaf\x27\x1c", Form::Carrier("archive (7z)")),
    (0, b"Rar!", Form::Carrier("archive (rar)")),
    (0, b"BZh", Form::Carrier("archive (bzip2)")),
    (0, b"\xfd7zXZ\0", Form::Carrier("archive (xz)")),
    (0, b"\x28\xb5\x2f\xfd", Form::Carrier("archive (zstd)")),
    (257, b"ustar", Form::Carrier("archive (tar)")),
];

/// Endings of names, and what they promise.
const ENDINGS: &[(&[&str], &str)] = &[
    (&["jpg", "jpeg", "jpe", "jfif"], "JPEG"),
    (&["png"], "PNG"),
    (&["webp"], "WebP"),
    (&["pdf"], "PDF"),
    (
        &["docx", "docm", "dotx", "xlsx", "xlsm", "xltx", "pptx", "pptm", "ppsx", "potx", "vsdx"],
        "office file",
    ),
    (&["odt", "ods", "odp", "odg", "ott", "ots", "otp"], "OpenDocument"),
    (
        &["tif", "tiff", "dng", "nef", "cr2", "cr3", "arw", "orf", "rw2", "raf", "pef"],
        "TIFF or raw photograph",
    ),
    (&["heic", "heif", "avif", "gif", "svg", "psd", "jp2", "jxl"], "photograph or picture"),
    (&["doc", "xls", "ppt", "rtf"], "document"),
    (&["mp4", "m4v", "mov", "3gp", "mkv", "webm", "avi", "wmv", "mpg", "mpeg"], "film"),
    (&["mp3", "m4a", "wav", "flac", "ogg", "opus", "aac", "wma", "amr"], "sound"),
    (&["zip", "7z", "rar", "gz", "tgz", "tar", "bz2", "xz", "zst"], "archive"),
];

impl Form {
    /// The form of a file, by the first [`HEAD`] bytes of it (or all, if it is shorter) and its name.
    #[must_use]
    pub fn of(name: &str, head: &[u8]) -> Form {
        let head = head.get(..HEAD).unwrap_or(head);
        let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        if let Some((.., form)) = MAGIC.iter().find(|(offset, magic, _)| at(*offset, magic)) {
            return *form;
        }
        // Readers look for these anywhere in the beginning.
        let within = |needle: &[u8]| head.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle));
        if within(b"%PDF-") {
            return Form::Pdf;
        }
        if within(b"<svg") {
            return Form::Carrier("picture (SVG)");
        }
        let ending = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
        match ENDINGS.iter().find(|(endings, _)| endings.contains(&ending.as_str())) {
            Some((_, promised)) => Form::Mismatch(promised),
            None => Form::Other,
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Form::Jpeg => "photograph (JPEG)",
            Form::Png => "picture (PNG)",
            Form::Webp => "picture (WebP)",
            Form::Pdf => "PDF",
            Form::Zip => "office file or archive (zip)",
            Form::Tiff => "photograph or scan (TIFF)",
            Form::Carrier(words) => words,
            Form::Mismatch(_) => "not what its name says",
            Form::Other => "other",
        }
    }

    /// Whether a [`worker`](super::worker) has anything to look at.
    #[must_use]
    pub fn is_read(self) -> bool {
        matches!(self, Form::Jpeg | Form::Png | Form::Webp | Form::Pdf | Form::Zip | Form::Tiff)
    }

    /// The word for the worker's command line.
    pub(super) fn word(self) -> Option<&'static str> {
        WORDS.iter().find(|(form, _)| *form == self).map(|(_, word)| *word)
    }

    /// From the worker's command line.
    pub(super) fn from_word(word: &str) -> Option<Form> {
        WORDS.iter().find(|(_, w)| *w == word).map(|(form, _)| *form)
    }
}

const WORDS: [(Form, &str); 6] = [
    (Form::Jpeg, "jpeg"),
    (Form::Png, "png"),
    (Form::Webp, "webp"),
    (Form::Pdf, "pdf"),
    (Form::Zip, "zip"),
    (Form::Tiff, "tiff"),
];
