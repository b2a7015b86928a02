#![no_main]

// The unit test `the_corpus_of_hostile_files_replays` in node/src/metadata does the same with the corpus.
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    use entente_node::metadata::{Cleaning, Form, look};
    let form = Form::of("", data);
    if let (_, Some(copy)) = look(form, data) {
        assert_eq!(look(form, &copy).0.cleaning, Cleaning::Cleaned);
    }
});
