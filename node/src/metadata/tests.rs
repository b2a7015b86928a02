#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Cursor, Read};

use super::samples::{self, SECRET};
use super::*;

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|w| w == needle.as_bytes())
}

fn cleaned(name: &str, bytes: &[u8]) -> (Report, Vec<u8>) {
    let (report, copy) = look(Form::of(name, bytes), bytes);
    assert_eq!(report.cleaning, Cleaning::Cleaned, "{name}");
    (report, copy.unwrap())
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    match look(Form::of(name, bytes), bytes) {
        (Report { cleaning: Cleaning::Impossible { reason }, .. }, None) => reason,
        other => panic!("{name}: {:?}", other.0),
    }
}

fn tells(report: &Report, about: About, text: &str) -> bool {
    report.found.iter().any(|f| f.about == about && (f.value.contains(text) || f.name.contains(text)))
}

fn unpacked(zip: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let part = |index| {
        let mut file = archive.by_index(index).unwrap();
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).unwrap();
        (file.name().unwrap().into_owned(), contents)
    };
    (0..zip::ZipArchive::new(Cursor::new(zip)).unwrap().len()).map(part).collect()
}

#[test]
fn a_photograph_tells_place_author_device_and_date_and_its_copy_none_of_them() {
    let original = samples::jpeg();
    assert!(holds(&original, SECRET));
    let (report, copy) = cleaned("photo.jpg", &original);
    for (about, text) in [
        (About::Place, "GPSLatitude"),
        (About::Author, SECRET),
        (About::Device, "Camera 5000"),
        (About::Date, "2026"),
        (About::Thumbnail, "JFIF"),
    ] {
        assert!(tells(&report, about, text), "{about:?}: {report:?}");
    }
    assert!(!holds(&copy, SECRET) && !holds(&copy, "Camera 5000") && !holds(&copy, "2026"));
    assert!(copy.ends_with(&[0x78, 0xff, 0xd9]), "what stood behind the picture is gone");
    assert!(copy.windows(7).any(|w| w == [0x12, 0xff, 0, 0x34, 0xff, 0xd0, 0x56]), "the scan is as it was");
}

#[test]
fn a_cleaned_photograph_still_knows_which_way_is_up_and_hides_nothing_more() {
    for (name, original) in [("a.jpg", samples::jpeg()), ("a.webp", samples::webp())] {
        let (_, copy) = cleaned(name, &original);
        let exif = exif::orientation_only(6);
        assert!(copy.windows(exif.len()).any(|w| w == exif), "{name}");
        let (again, second) = cleaned(name, &copy);
        assert_eq!(second, copy, "{name}: cleaning twice changes nothing");
        assert!(again.found.iter().all(|f| f.name == "Exif"), "{name}: {again:?}");
    }
}

#[test]
fn pictures_documents_and_pdfs_come_out_without_the_names_in_them() {
    let samples = [("a.png", samples::png()), ("a.webp", samples::webp()), ("a.pdf", samples::pdf())];
    for (name, original) in samples {
        let (report, copy) = cleaned(name, &original);
        assert!(tells(&report, About::Author, SECRET), "{name}: {report:?}");
        assert!(!holds(&copy, SECRET), "{name}");
    }
    for (name, original) in [("a.docx", samples::docx()), ("a.odt", samples::odt())] {
        let (report, copy) = cleaned(name, &original);
        assert!(tells(&report, About::Author, SECRET), "{name}: {report:?}");
        assert!(!report.remains.is_empty(), "{name}: comments stay, and it is said");
        for (part, contents) in unpacked(&copy) {
            assert!(!holds(&contents, SECRET), "{name}: {part}");
            assert!(!holds(&contents, "humbnail"), "{name}: {part} mentions what is gone");
        }
    }
}

#[test]
fn what_a_document_says_stays() {
    let (_, copy) = cleaned("a.docx", &samples::docx());
    let parts = unpacked(&copy);
    let part =
        |name: &str| String::from_utf8(parts.iter().find(|(n, _)| n == name).unwrap().1.clone()).unwrap();
    let document = part("word/document.xml");
    assert!(document.contains("<w:t>What was found &gt; here.</w:t>"), "{document}");
    assert!(document.contains("w:author=\"\"") && !document.contains("w:date") && !document.contains("rsid"));
    assert!(part("word/comments.xml").contains("Really?"));
    assert!(part("word/settings.xml").contains("<w:zoom/>"));
    let (_, copy) = cleaned("a.odt", &samples::odt());
    let parts = unpacked(&copy);
    assert_eq!(parts[0], ("mimetype".to_owned(), b"application/vnd.oasis.opendocument.text".to_vec()));
    let (_, copy) = cleaned("a.pdf", &samples::pdf());
    let document = lopdf::Document::load_mem(&copy).unwrap();
    let page = document.page_iter().next().unwrap();
    assert!(holds(&document.get_page_content(page), "What was found"));
}

#[test]
fn a_name_or_a_beginning_alone_makes_no_file_harmless() {
    assert_eq!(Form::of("notes.txt", b"plain words"), Form::Other);
    assert_eq!(Form::of("photo.txt", &samples::jpeg()), Form::Jpeg);
    assert_eq!(
        Form::of("film.bin", b"\0\0\0\x18ftypmp42"),
        Form::Carrier("film, sound or photograph (MP4, HEIF)")
    );
    assert!(matches!(Form::of("PHOTO.JPG", b"not a picture"), Form::Mismatch("JPEG")));
    assert!(matches!(Form::of("scan.tiff", b""), Form::Mismatch(_)));
    for form in [Form::Carrier("film"), Form::Mismatch("JPEG")] {
        let report = worker::without_looking(form).unwrap();
        assert!(matches!(report.cleaning, Cleaning::Impossible { .. }));
    }
    let tiff = samples::exif();
    let (report, copy) = look(Form::of("scan.tif", &tiff), &tiff);
    assert!(copy.is_none() && tells(&report, About::Author, SECRET), "shown, though it cannot be cleaned");
}

#[test]
fn a_signed_locked_or_nested_file_is_refused_and_the_reason_named() {
    let with = |name: &str, contents: &[u8]| {
        samples::zip_of(&[("[Content_Types].xml", b"<Types/>"), (name, contents)])
    };
    assert!(refusal("a.docx", &with("_xmlsignatures/sig1.xml", b"<s/>")).contains("signature"));
    assert!(refusal("a.docx", &with("word/embeddings/x.docx", &samples::docx())).contains("another file"));
    assert!(
        refusal("a.docx", &with("word/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))
            .contains("another")
    );
    assert!(refusal("a.docx", &with("word/media/a.tif", &samples::exif())).contains("another file"));
    assert!(refusal("a.zip", &samples::zip_of(&[("photo.jpg", &samples::jpeg())])).contains("archive"));
    let edit = |change: fn(&mut lopdf::Document)| {
        let mut document = lopdf::Document::load_mem(&samples::pdf()).unwrap();
        change(&mut document);
        let mut out = Vec::new();
        document.save_to(&mut out).unwrap();
        out
    };
    let signed = edit(|d| d.catalog_mut().unwrap().set("Sig", lopdf::dictionary! { "Type" => "Sig" }));
    assert!(refusal("a.pdf", &signed).contains("signature"));
    let nested =
        edit(|d| d.catalog_mut().unwrap().set("X", lopdf::dictionary! { "EF" => lopdf::dictionary! {} }));
    assert!(refusal("a.pdf", &nested).contains("another file"));
}

#[test]
fn hostile_office_files_are_refused_in_bounded_memory() {
    let bomb = vec![b' '; MAX_FILE + 1];
    let large = samples::zip_of(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", &bomb)]);
    assert!(large.len() < 1 << 20, "it packs well");
    assert!(refusal("a.docx", &large).contains("too large"));
    let entities = b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaa\">]><x>&a;</x>";
    for xml in
        [entities.as_slice(), b"<w:p", b"<a b=c/>", b"<a b=\"c/>", b"\xff\xfe<\0a\0", b"<w:rsids><w:rsid>"]
    {
        let file = samples::zip_of(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", xml)]);
        assert!(refusal("a.docx", &file).contains("XML"), "{}", String::from_utf8_lossy(xml));
    }
    let outside = samples::zip_of(&[("[Content_Types].xml", b"<Types/>"), ("../../x", b"x")]);
    assert!(refusal("a.docx", &outside).contains("name"));
}

#[test]
fn hostile_pdfs_are_refused() {
    let page = "3 0 obj<</Type/Page/Parent 2 0 R>>endobj\n";
    let pdf =
        |objects: &str| format!("%PDF-1.4\n{objects}trailer<</Root 1 0 R/Size 9>>\nstartxref\n9\n%%EOF");
    let cycle = pdf(&format!(
        "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]>>endobj\n{page}"
    ));
    let deep = pdf(&format!("1 0 obj{}{}endobj\n", "[".repeat(100_000), "]".repeat(100_000)));
    let deep_names = pdf(&format!("1 0 obj{}endobj\n", "<</A".repeat(100_000)));
    let huge = pdf("1 0 obj<</Length 99999999999999999999>>stream\nx\nendstream endobj\n");
    for file in
        [cycle, deep, deep_names, huge, "%PDF-".to_owned(), "%PDF-1.7\nstartxref\n5\n%%EOF".to_owned()]
    {
        assert!(!refusal("a.pdf", file.as_bytes()).is_empty());
    }
}

/// Every cut, and a change of every byte: a refusal or a copy without the secret, never a panic.
#[test]
fn no_cut_and_no_flipped_byte_lets_the_secret_through_or_panics() {
    let samples = [
        ("a.jpg", samples::jpeg()),
        ("a.png", samples::png()),
        ("a.webp", samples::webp()),
        ("a.docx", samples::docx()),
        ("a.odt", samples::odt()),
        ("a.pdf", samples::pdf()),
    ];
    for (name, original) in samples {
        let form = Form::of(name, &original);
        let step = (original.len() / 400).max(1);
        for at in (0..original.len()).step_by(step) {
            let _refused = look(form, &original[..at]);
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = original.clone();
                changed[at] ^= flip;
                let (report, copy) = look(form, &changed);
                // Inside a zip file the copy is packed; a damaged marker makes a JPEG's comment part of a scan.
                if matches!(form, Form::Png | Form::Webp) {
                    assert!(
                        !copy.is_some_and(|copy| holds(&copy, SECRET)),
                        "{name} at {at} ^ {flip}: {report:?}"
                    );
                }
            }
        }
    }
}

/// What the fuzz target `hidden_data` does with its input; panics where a promise is broken.
fn fuzzed(bytes: &[u8]) {
    let form = Form::of("", bytes);
    if let (_, Some(copy)) = look(form, bytes) {
        let (again, _) = look(form, &copy);
        assert_eq!(again.cleaning, Cleaning::Cleaned, "a cleaned copy can be cleaned");
    }
}

#[test]
fn the_corpus_of_hostile_files_replays() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/hidden_data");
    if std::env::var_os("ENTENTE_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(&corpus).unwrap();
        for (name, bytes) in [
            ("jpeg", samples::jpeg()),
            ("png", samples::png()),
            ("webp", samples::webp()),
            ("tiff", samples::exif()),
            ("docx", samples::docx()),
            ("odt", samples::odt()),
            ("pdf", samples::pdf()),
            ("pdf-of-pages-in-a-circle", b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Parent 2 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF".to_vec()),
            ("png-of-two-gigabytes", b"\x89PNG\r\n\x1a\n\x7f\xff\xff\xffIHDR".to_vec()),
            ("webp-of-four-gigabytes", b"RIFF\xff\xff\xff\xffWEBPVP8X\xff\xff\xff\xff".to_vec()),
            ("jpeg-without-scan", b"\xff\xd8\xff\xe1\0\x02\xff\xff\xff\xd9".to_vec()),
        ] {
            std::fs::write(corpus.join(name), bytes).unwrap();
        }
    }
    let mut replayed = 0;
    for file in std::fs::read_dir(&corpus).unwrap() {
        fuzzed(&std::fs::read(file.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 11, "{replayed}");
}
