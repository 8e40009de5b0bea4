//! The letters that the `filename` character set writes as `@` and two characters.
//!
//! One of the two is one of `g` to `z` and says which letter of a row; its case is the case of the letter. The other
//! names the row: a digit from 0 to 9 in front, or anything from 0 to 9 and `a` to `z` behind. `@0g` is `à`, `@0G` is
//! `À`, `@g0` is the Cyrillic `а`. Two further rows have the `@` itself as the second mark: `@@a` is `ⓐ`, `@a@` is `ａ`.
//!
//! Source: a MariaDB 10.11.19 server, asked with `CONVERT(... USING filename)` for every code of the basic plane.

/// Row mark, its letters for `g` to `z`, and for `G` to `Z`; `.` where there is none.
type CharsetRow = (u8, &'static str, &'static str);

/// The rows whose digit stands in front; the digits behind a letter are other rows.
const IN_FRONT: usize = 10;

#[rustfmt::skip]
const ROWS: [CharsetRow; 46] = [
    // 0 to 4 before a letter: Latin-1 and Latin Extended-A.
    (b'0', "àáâãäåæçèéêëìíîïðñòó", "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓ"),
    (b'1', "ôõößøùúûüýþÿāăąćĉċčď", "ÔÕÖ.ØÙÚÛÜÝÞŸĀĂĄĆĈĊČĎ"),
    (b'2', "đēĕėęěĝğġģĥħĩīĭįıĳĵķ", "ĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮ.ĲĴĶ"),
    (b'3', "ĸĺļľŀłńņňŉŋōŏőœŕŗřśŝ", ".ĹĻĽĿŁŃŅŇ.ŊŌŎŐŒŔŖŘŚŜ"),
    (b'4', "şšţťŧũūŭůűųŵŷźżžſ...", "ŞŠŢŤŦŨŪŬŮŰŲŴŶŹŻŽ...."),
    // 5 to 9 before a letter: Greek.
    (b'5', "..................ΐ.", "...................."),
    (b'6', "άέήίΰαβγδεζηθικλμνξο", "ΆΈΉΊ.Α.ΓΔΕΖΗ.Ι.ΛΜΝΞΟ"),
    (b'7', "πρςστυφχψωϊϋόύώ.ϐϑ..", ".Ρ..ΤΥ.ΧΨΩΪΫΌΎΏ.ΒΘϒϓ"),
    (b'8', ".ϕϖϗϙϛϝϟϡϣϥϧϩϫϭϯϰϱϲϳ", "ϔΦΠ..ϚϜϞϠϢϤϦϨϪϬϮΚ.Σ."),
    (b'9', "ϵ϶ϸϻϼ...............", ".....ϽϾϿ............"),
    // 0 to 6 behind a letter: Cyrillic.
    (b'0', "абвгдежзийклмнопрсту", "АБВГДЕЖЗИЙКЛМНОПРСТУ"),
    (b'1', "фхцчшщъыьэюяѐёђѓєѕії", "ФХЦЧШЩЪЫЬЭЮЯЀЁЂЃЄЅІЇ"),
    (b'2', "јљњћќѝўџѡѣѥѧѩѫѭѯѱѳѵѷ", "ЈЉЊЋЌЍЎЏѠѢѤѦѨѪѬѮѰѲѴѶ"),
    (b'3', "ѹѻѽѿҁ.ҋҍҏґғҕҗҙқҝҟҡңҥ", "ѸѺѼѾҀ.ҊҌҎҐҒҔҖҘҚҜҞҠҢҤ"),
    (b'4', "ҧҩҫҭүұҳҵҷҹһҽҿ.ӂӄӆӈӊӌ", "ҦҨҪҬҮҰҲҴҶҸҺҼҾӀӁӃӅӇӉӋ"),
    (b'5', "ӎ.ӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯӱӳ", "Ӎ.ӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮӰӲ"),
    (b'6', "ӵӷӹ......ԁԃԅԇԉԋԍԏ...", "ӴӶӸ......ԀԂԄԆԈԊԌԎ..."),
    // 7 and 8: Armenian.
    (b'7', ".աբգդեզէըթժիլխծկհձղճ", ".ԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃ"),
    (b'8', "մյնշոչպջռսվտրցւփքօ..", "ՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕ.."),
    // 9: Roman numerals.
    (b'9', "ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅺⅻⅼⅽⅾⅿ....", "ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫⅬⅭⅮⅯ...."),
    // a to k: Latin Extended-B and IPA.
    (b'a', "ƀƃƅƈƌƍƒƕƙƚƛƞơƣƥƨƪƫƭư", ".ƂƄƇƋ.ƑǶƘȽ.ȠƠƢƤƧ..ƬƯ"),
    (b'b', "ƴƶƹƺƻ.ƾƽǆǉǌǎǐǒǔǖǘǚǜǝ", "ƳƵƸ....ƼǄǇǊǍǏǑǓǕǗǙǛƎ"),
    (b'c', "ǟǡǣǥǧǩǫǭǯǰǳǵǹǻǽǿȁȃȅȇ", "ǞǠǢǤǦǨǪǬǮ.ǱǴǸǺǼǾȀȂȄȆ"),
    (b'd', "ȉȋȍȏȑȓȕȗșțȝȟȡȣȥȧȩȫȭȯ", "ȈȊȌȎȐȒȔȖȘȚȜȞ.ȢȤȦȨȪȬȮ"),
    (b'e', "ȱȳȴȵȶȷȸȹ.ȼ.ȿɀ.......", "ȰȲ......ȺȻȾ........."),
    (b'f', ".......ɐɑɒɓɔɕɖɗɘəɚɛɜ", "..........ƁƆ.ƉƊ.Ə.Ɛ."),
    (b'g', "ɝɞɟɠɡɢɣɤɥɦɧɨɩɪɫɬɭɮɯɰ", "...Ɠ..Ɣ....ƗƖ.....Ɯ."),
    (b'h', "ɱɲɳɴɵɶɷɸɹɺɻɼɽɾɿʀʁʂʃʄ", ".Ɲ..Ɵ..........Ʀ..Ʃ."),
    (b'i', "ʅʆʇʈʉʊʋʌʍʎʏʐʑʒʓʔʕʖʗʘ", "...Ʈ.ƱƲ......Ʒ.Ɂ...."),
    (b'j', "ʙʚʛʜʝʞʟʠʡʢʣʤʥʦʧʨʩʪʫʬ", "...................."),
    (b'k', "ʭʮʯ.................", "...................."),
    // l to r: Latin Extended Additional.
    (b'l', "ḁḃḅḇḉḋḍḏḑḓḕḗḙḛḝḟḡḣḥḧ", "ḀḂḄḆḈḊḌḎḐḒḔḖḘḚḜḞḠḢḤḦ"),
    (b'm', "ḩḫḭḯḱḳḵḷḹḻḽḿṁṃṅṇṉṋṍṏ", "ḨḪḬḮḰḲḴḶḸḺḼḾṀṂṄṆṈṊṌṎ"),
    (b'n', "ṑṓṕṗṙṛṝṟṡṣṥṧṩṫṭṯṱṳṵṷ", "ṐṒṔṖṘṚṜṞ.ṢṤṦṨṪṬṮṰṲṴṶ"),
    (b'o', "ṹṻṽṿẁẃẅẇẉẋẍẏẑẓẕẖẗẘẙẚ", "ṸṺṼṾẀẂẄẆẈẊẌẎẐẒẔ....."),
    (b'p', "ẛ....ạảấầẩẫậắằẳẵặẹẻẽ", "Ṡ....ẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼ"),
    (b'q', "ếềểễệỉịọỏốồổỗộớờởỡợụ", "ẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤ"),
    (b'r', "ủứừửữựỳỵỷỹ..........", "ỦỨỪỬỮỰỲỴỶỸ.........."),
    // s to z: Greek Extended.
    (b's', "ἀἁἂἃἄἅἆἇἐἑἒἓἔἕ....ἠἡ", "ἈἉἊἋἌἍἎἏἘἙἚἛἜἝ....ἨἩ"),
    (b't', "ἢἣἤἥἦἧἰἱἲἳἴἵἶἷὀὁὂὃὄὅ", "ἪἫἬἭἮἯἸἹἺἻἼἽἾἿὈὉὊὋὌὍ"),
    (b'u', "....ὐὑὒὓὔὕὖὗ....ὠὡὢὣ", ".....Ὑ.Ὓ.Ὕ.Ὗ....ὨὩὪὫ"),
    (b'v', "ὤὥὦὧὰάὲέὴήὶίὸόὺύὼώ..", "ὬὭὮὯᾺΆῈΈῊΉῚΊῸΌῪΎῺΏ.."),
    (b'w', "ᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣ", "ᾈᾉᾊᾋᾌᾍᾎᾏᾘᾙᾚᾛᾜᾝᾞᾟᾨᾩᾪᾫ"),
    (b'x', "ᾤᾥᾦᾧᾰᾱᾲᾳᾴ.ᾶᾷῂῃῄ.ῆῇῐῑ", "ᾬᾭᾮᾯᾸᾹ.ᾼ.....ῌ....ῘῙ"),
    (b'y', "ῒΐ..ῖῗ.ῠῡῢΰῤῥῦῧ..ῲῳ.", ".......ῨῩ...Ῥ.....ῼ."),
    (b'z', ".ῶῷ.................", "...................."),
];

/// The letter for the two characters behind an `@`.
pub fn decode(pair: [u8; 2]) -> Option<char> {
    match pair {
        [b'@', letter] if letter.is_ascii_alphabetic() => from_a(letter, 'Ⓐ', 'ⓐ'),
        [letter, b'@'] if letter.is_ascii_alphabetic() => from_a(letter, 'Ａ', 'ａ'),
        [row, letter] if row.is_ascii_digit() => in_row(ROWS.get(..IN_FRONT)?, row, letter),
        [letter, row] => in_row(ROWS.get(IN_FRONT..)?, row, letter),
    }
}

fn from_a(letter: u8, upper: char, lower: char) -> Option<char> {
    let (from, first) = if letter.is_ascii_uppercase() { (b'A', upper) } else { (b'a', lower) };
    char::from_u32(u32::from(first).checked_add(u32::from(letter.checked_sub(from)?))?)
}

fn in_row(rows: &[CharsetRow], mark: u8, letter: u8) -> Option<char> {
    let (_, lower, upper) = rows.iter().find(|row| row.0 == mark)?;
    let letters = if letter.is_ascii_uppercase() { upper } else { lower };
    let column = letter.to_ascii_lowercase().checked_sub(b'g')?;
    letters.chars().nth(usize::from(column)).filter(|&c| c != '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_block() {
        let known = [
            ("0g", 'à'),
            ("0G", 'À'),
            ("1j", 'ß'),
            ("6L", 'Α'),
            ("g0", 'а'),
            ("H7", 'Ա'),
            ("G9", 'Ⅰ'),
            ("Zb", 'Ǝ'),
            ("Gl", 'Ḁ'),
            ("Gs", 'Ἀ'),
            ("@c", 'ⓒ'),
            ("Z@", 'Ｚ'),
        ];
        for (code, letter) in known {
            assert_eq!(decode(code.as_bytes().try_into().unwrap()), Some(letter), "{code}");
        }
    }

    #[test]
    fn every_letter_has_one_code_and_all_1510_are_there() {
        let all: Vec<char> = (0..=u16::MAX).filter_map(|pair| decode(pair.to_be_bytes())).collect();
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (1510, 1510));
    }

    #[test]
    fn hexadecimal_codes_are_no_letters() {
        for code in [*b"00", *b"65", *b"ff", *b"0a", *b"a0", *b"@@", *b"1J"] {
            assert_eq!(decode(code), None);
        }
    }
}
