//! Tests of numbers.

use proptest::prelude::*;

use super::*;

/// Formats each number as `text of the range = label kind`, joined.
fn read(question: &str) -> String {
    let show = |n: &Number| {
        let kind = match n.kind {
            NumberForm::Plain => "",
            NumberForm::Percent => " percent",
            NumberForm::Fraction => " fraction",
            NumberForm::Multiplier => " times",
            NumberForm::Divisor => " over",
        };
        format!("{}={}{kind}", &question[n.start..n.end], n.label())
    };
    question_numbers(question)
        .iter()
        .map(show)
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn numbers_are_whole_words() {
    for (question, expected) in [
        ("Tom has 12 red and 7 blue pens.", "12=12; 7=7"),
        (
            "Someone often lends money, weight eight tennis balls at fourteen.",
            "eight=8; fourteen=14",
        ),
        (
            "Half of the 1,200 kids paid $2.50, twice.",
            "Half=2 over; 1,200=1200; 2.50=2.5; twice=2 times",
        ),
        (
            "He runs 30mph for 20% of 1.5 hours.",
            "30mph=30; 20%=20% percent; 1.5=1.5",
        ),
        (
            "10 percent, 12.5 % and $.5",
            "10 percent=10% percent; 12.5 %=12.5% percent; .5=0.5",
        ),
        ("x5 a_7 the 3rd day, 21st, the third day, first half", ""),
        (
            "He keeps a third of them and a quarter as many.",
            "third=3 over; quarter=4 over",
        ),
        (
            "Two thirds, two-thirds, one half, 3 quarters, 1/2, 3/4",
            "Two thirds=2/3 fraction; two-thirds=2/3 fraction; one half=2 over; 3 quarters=3/4 fraction; 1/2=1/2 fraction; 3/4=3/4 fraction",
        ),
        (
            "twenty-five, sixty six, a dozen, 2 dozen, two hundred and five, a hundred",
            "twenty-five=25; sixty six=66; a dozen=12; 2 dozen=24; two hundred and five=205; a hundred=100",
        ),
        (
            "three thousand five hundred and twelve",
            "three thousand five hundred and twelve=3512",
        ),
        (
            "Ann doubles, then triples it, then thrice.",
            "doubles=2 times; triples=3 times; thrice=3 times",
        ),
        ("16-3-4, 1,2,3 and 12,5000; 1/2/2020", "16=16; 3=3; 4=4"),
        ("no-one's dozens of half-empty cups", "half=2 over"),
        (
            "five six, two and three, a two, forty and hundred",
            "five=5; six=6; two=2; three=3; two=2; forty=40; hundred=100",
        ),
        (
            "for one new one. One of every 4",
            "one=1; one=1; One=1; 4=4",
        ),
        ("99999999999999999999999 pens and 5.", "5=5"),
        ("12 – five, “six” 7é ٣", "12=12; five=5; six=6; 7é=7"),
    ] {
        assert_eq!(read(question), expected, "{question}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_number_is_read_whole_or_not_at_all() {
    for (question, expected) in [
        ("3½ cups, 3 ½ cups, ½ cup, 1½ of 4", "4=4"),
        ("3 1/2 cups and 2-1/2 more", "3 1/2=3.5; 2-1/2=2.5"),
        (
            "two and a half hours, 3 and 1/2, 5 and one third",
            "two and a half=2.5; 3 and 1/2=3.5; 5 and one third=16/3",
        ),
        ("$4k, 4k, $2.5M, 2.5M, $3m, 3m, $1bn", "4k=4000; 3m=3"),
        (
            "5 million, $2.5 million, two million three hundred thousand",
            "5 million=5000000; 2.5 million=2500000; two million three hundred thousand=2300000",
        ),
        (
            "12 000, 12\u{a0}345, 12'000, 12_000, 12 100 gram",
            "12 000=12000; 12\u{a0}345=12345; 12'000=12000; 12_000=12000",
        ),
        ("-5 degrees, \u{2212}5, $-20, -$20, (-3)", ""),
        (
            "8 - 3, 8-3, 2-3 days, 10\u{2013}15",
            "8=8; 3=3; 8=8; 3=3; 2=2; 3=3; 10=10; 15=15",
        ),
        ("from 3:30 to 10:05, a ratio of 3:4", "3=3; 4=4"),
        ("1.000,50 and 1.000 and 1,5 and 1.5.2", ""),
        ("2024-01-05, 1h30, 5², v2.5, A3, COVID-19, 1e3, 3x4", ""),
        ("\u{ff12}\u{ff10} pens and 3 more", "3=3"),
        ("60km/h for 2 hours", "60km=60; 2=2"),
        (
            "He has 1,000 coins, .5 of 80 and 50% of 5 dozen",
            "1,000=1000; .5=0.5; 80=80; 50%=50% percent; 5 dozen=60",
        ),
    ] {
        assert_eq!(read(question), expected, "{question}");
    }
    for (question, expected) in [
        (
            "minus five degrees and 3 towns, minus 5, 8 minus 5",
            "3=3; 8=8; 5=5",
        ),
        ("10^3 men and 3 towns, 10**3, 2×10^6, 3x10^2", "3=3"),
        (
            "two trillion, 5 lakh, 5 grand, $5 K, two score, 5 squared, 5 per cent, 5‰",
            "",
        ),
        (
            "several dozen, a few hundred, a couple of hundred, -5 thousand",
            "",
        ),
        (
            "three and three quarters, 3 and 3 quarters, 1⁄2 cup",
            "three and three quarters=3.75; 3 and 3 quarters=3.75; 1⁄2=1/2 fraction",
        ),
        (
            "two point five, the twenty-first man, thirty-third, one hundred first",
            "",
        ),
        (
            "5-10% of men, 12-25-2020, 555-1234, 1-800-555-1234, at 5.30pm, room 007, #5",
            "",
        ),
        ("1 000,50 and 1 000.5 and 1 000/2", ""),
        (
            "5 degrees below zero, 3 below zero, ten degrees Celsius below freezing, 5° below zero, 7 below 9",
            "7=7; 9=9",
        ),
        ("1 / 2 cup of 4, 8 / 2", "4=4; 8=8; 2=2"),
        (
            "call (555) 123-4567, 555 123 4567 or +1 (555) 123-4567 for 3 pens at ($5)",
            "3=3; 5=5",
        ),
        (
            "a dozen and a half, 5 and a third of it",
            "a dozen and a half=18; 5=5; third=3 over",
        ),
        (
            "two thirds, one third of it, twenty five, 7.5 km",
            "two thirds=2/3 fraction; one third=3 over; twenty five=25; 7.5=7.5",
        ),
    ] {
        assert_eq!(read(question), expected, "{question}");
    }
    for (question, expected) in [
        (
            "2 dozens, two thousands, 5 hundreds, 3 scores, 5 quadrillion and 4",
            "4=4",
        ),
        (
            "one and a half dozen, two and a half hundred, 2 and a half dozen",
            "one and a half dozen=18; two and a half hundred=250; 2 and a half dozen=30",
        ),
        (
            "5 thousand 3 hundred men, 2 million 300 thousand, 1 hundred and 5, one hundred and 5, 5 hundred and twenty, 12 thousand five hundred, 7",
            "7=7",
        ),
        (
            "two sevenths of 84, 3 sevenths, three twentieths, five sixteenths, 3 hundredths, for 5 seconds",
            "84=84; 5=5",
        ),
        (
            "an hour and a half at 60 miles, 3 hours and a half, 3 pens and a half of them",
            "60=60; 3=3; half=2 over",
        ),
        (
            "a quarter million, five-and-twenty, nineteen eighty-four, 7",
            "7=7",
        ),
        (
            "12 000km away, 10 000kg, 12 000 000km, 2 1/2ft, 2-1/2in and 8",
            "12 000km=12000; 10 000kg=10000; 12 000 000km=12000000; 8=8",
        ),
        (
            "3 and ½, 3-½, 3\u{a0}½, four ½, 2 ¹⁄₂ and 8, 3\u{a0}1/2, 3  1/2, 2–1/2",
            "8=8; 3\u{a0}1/2=3.5; 3  1/2=3.5; 2–1/2=2.5",
        ),
        (
            "He waited...5 minutes, at 20%.5 friends, pages 1..5",
            "5=5; 20%=20% percent; 5=5; 1=1; 5=5",
        ),
        (
            "4TH, 2ND, 5.30PM, 5million, 3dozen, 12hundred, 20percent, 20pct, $5mil, $2.5mio, 5kk",
            "",
        ),
        ("$5 M, $5 m, $5 B, 5 mln, 5 thou and 5 m", "5=5"),
        (
            "2 × 10³, 2 x 10^3, 2*10^3, 2 ^ 5, 2e+3, ten to the power of six",
            "",
        ),
        (
            "20\u{a0}% of 80, 20％",
            "20\u{a0}%=20% percent; 80=80; 20％=20% percent",
        ),
        (
            "10-15 percent of 80, 5 to 10 percent, 5 to 10%, 2-3 million, two to three hundred, $1.5-2 million, $5-10k, 5 to 10 pens",
            "80=80; 5=5; 10=10",
        ),
        (
            "minus $5, negative $20, \u{2011}5, \u{ff0d}5, -₹500, -US$5, 5 degrees below 0 and 8",
            "8=8",
        ),
        (
            "5\u{a0}million, two\u{a0}hundred, twenty\u{2011}five",
            "5\u{a0}million=5000000; two\u{a0}hundred=200; twenty\u{2011}five=25",
        ),
        (
            "5 quarters and 8 dimes, 4 quarters of 12 minutes, 3 half-siblings, 1 fourth grader, one third grader, open 24/7 with 7 pens",
            "8=8; 12=12; 7=7",
        ),
    ] {
        assert_eq!(read(question), expected, "{question}");
    }
    let signed = "It is -5 now, it was \u{2212}7, he owes $-20 and -$3, 8 - 3 and 2-3.";
    assert_eq!(negative_numbers(signed), ["-5", "\u{2212}7", "$-20", "-$3"]);
}

proptest! {
    #[test]
    fn ranges_are_ordered_and_on_characters(question in "([a-z]{1,6}|[0-9]{1,4}|twenty|half|dozen|hundred|[ ,./%$-]|\\PC){0,40}") {
        let mut last = 0;
        for number in question_numbers(&question) {
            prop_assert!(number.start >= last && number.end > number.start);
            prop_assert!(question.get(number.start..number.end).is_some());
            last = number.end;
        }
    }

    #[test]
    fn every_written_integer_is_found(value in 0_i64..1_000_000) {
        let numbers = question_numbers(&format!("She has {value} pens."));
        prop_assert_eq!(numbers.len(), 1);
        prop_assert_eq!(numbers[0].value, Ratio::integer(value));
    }
}
