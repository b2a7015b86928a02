//! What goes on every month: what the organisations write, each in its own script, and what the NPM answers.

use entente_protocol::handling::Sensitivity;
use entente_tests::draft;

use super::cast::Who::{self, Doctors, Families, Npm, Watch};
use super::cast::{To, Year};

/// An organisation's way of writing: its language, a title, and what is alleged.
struct Voice {
    who: Who,
    language: &'static str,
    titles: [&'static str; 4],
    text: &'static str,
}

const VOICES: [Voice; 3] = [
    Voice {
        who: Watch,
        language: "ka",
        titles: ["ექიმთან დაშვება", "სასეირნო ეზო", "ადვოკატის ზარი", "საკვები"],
        text: "ოჯახები გვიყვებიან, რომ ექიმი კვირებია არ მოსულა.",
    },
    Voice {
        who: Families,
        language: "ar",
        titles: ["زيارة الأسرة", "الحبس الانفرادي", "الدواء", "الماء الساخن"],
        text: "لم يسمح للأم برؤية ابنها منذ شهر.",
    },
    Voice {
        who: Doctors,
        language: "ru",
        titles: ["Журнал травм", "Туберкулёз", "Ночной обыск", "Питание диабетиков"],
        text: "Травмы не вносятся в журнал; осмотр проводится при охране.",
    },
];

const PLACES: [&str; 3] = ["ციხე № 8", "سجن النساء", "СИЗО-1"];

/// The submissions, baselines and answers of one month (1 to 12), from those who are members then.
pub async fn month(year: &mut Year, month: usize, members: &[Who]) {
    let mut questions = Vec::new();
    for voice in VOICES.iter().filter(|v| members.contains(&v.who)) {
        for (n, title) in voice.titles.iter().enumerate() {
            let submission = draft("submission", &format!("{title}, {month}/2026"))
                .field("text", voice.text)
                .field("place", PLACES[(month + n) % PLACES.len()])
                .field("urgency", if n == 0 { "high" } else { "normal" })
                .field("source", "SECRET-SOURCE")
                .language(voice.language)
                .sensitivity(Sensitivity::Named);
            let sent = year.node(voice.who).publish(submission, super::PREVENTION, Some(&[Npm.name()])).await;
            year.note(&sent.to_string(), voice.who, &To::Only(super::PREVENTION, &[Npm]));
            if n % 2 == 0 {
                questions.push((voice.who, sent));
            }
        }
        if month % 3 == 1 {
            let priority = draft("priority", voice.titles[0])
                .field("why", voice.text)
                .field("place", PLACES[month % PLACES.len()])
                .language(voice.language)
                .sensitivity(Sensitivity::Named);
            let sent = year.node(voice.who).publish(priority, super::PREVENTION, Some(&[Npm.name()])).await;
            year.note(&sent.to_string(), voice.who, &To::Only(super::PREVENTION, &[Npm]));
        }
        let baseline = draft("baseline", &format!("Figures of month {month}"))
            .field("facts", vec![format!("{} persons", 380 + 7 * month)])
            .sensitivity(Sensitivity::Named);
        let sent = year.node(voice.who).publish(baseline, super::PREVENTION, Some(&[Npm.name()])).await;
        year.note(&sent.to_string(), voice.who, &To::Only(super::PREVENTION, &[Npm]));
    }
    if month % 3 == 2 {
        a_question_and_its_answer(year, month).await;
    }
    // The NPM tells each organisation, and no other, what came of what it sent.
    for (who, sent) in questions {
        year.arrived(Npm, &sent.to_string()).await;
        let feedback = draft("feedback", "რა მოჰყვა").field("outcome", "ვიზიტი იგეგმება").replies_to(sent);
        let feedback = feedback.language("ka").sensitivity(Sensitivity::Named);
        let told = year.node(Npm).publish(feedback, super::PREVENTION, Some(&[who.name()])).await;
        year.note(&told.to_string(), Npm, &To::Only(super::PREVENTION, &[who]));
    }
}

/// The NPM asks one organisation, which answers the NPM and nobody else.
async fn a_question_and_its_answer(year: &mut Year, month: usize) {
    let question = draft("information-request", "რამდენი ადამიანია?")
        .field("question", format!("How many in month {month}?"))
        .sensitivity(Sensitivity::Named);
    let asked = year.node(Npm).publish(question, super::PREVENTION, Some(&[Watch.name()])).await;
    year.note(&asked.to_string(), Npm, &To::Only(super::PREVENTION, &[Watch]));
    year.arrived(Watch, &asked.to_string()).await;
    let answer = draft("baseline", "412").replies_to(asked).sensitivity(Sensitivity::Named);
    let answer = year.node(Watch).publish(answer, super::PREVENTION, Some(&[Npm.name()])).await;
    year.note(&answer.to_string(), Watch, &To::Only(super::PREVENTION, &[Npm]));
}
