//! Large letters for the state, in half blocks: three rows of text each.

/// Rows of text that a large word takes.
pub const ROWS: usize = 3;

/// Rows of dots that a letter has; the sixth, which the third row of text has room for, stays empty.
const DOTS: usize = 5;

/// A word in large letters. Letters that no state's name has are left out.
pub fn large(word: &str) -> [String; ROWS] {
    let mut rows: [String; ROWS] = Default::default();
    for letter in word.chars().filter_map(dots) {
        for (row, text) in rows.iter_mut().enumerate() {
            let upper = letter[2 * row].bytes();
            let lower = letter.get(2 * row + 1).unwrap_or(&".....").bytes();
            text.extend(upper.zip(lower).map(|pair| match pair {
                (b'#', b'#') => '█',
                (b'#', _) => '▀',
                (_, b'#') => '▄',
                _ => ' ',
            }));
            text.push(' ');
        }
    }
    rows
}

#[rustfmt::skip]
const fn dots(letter: char) -> Option<[&'static str; DOTS]> {
    Some(match letter {
        'a' => [".##.", "#..#", "####", "#..#", "#..#"],
        'd' => ["###.", "#..#", "#..#", "#..#", "###."],
        'e' => ["####", "#...", "###.", "#...", "####"],
        'f' => ["####", "#...", "###.", "#...", "#..."],
        'g' => [".###", "#...", "#.##", "#..#", ".###"],
        'h' => ["#..#", "#..#", "####", "#..#", "#..#"],
        'i' => ["###", ".#.", ".#.", ".#.", "###"],
        'k' => ["#..#", "#.#.", "##..", "#.#.", "#..#"],
        'l' => ["#...", "#...", "#...", "#...", "####"],
        'n' => ["#...#", "##..#", "#.#.#", "#..##", "#...#"],
        'o' => [".##.", "#..#", "#..#", "#..#", ".##."],
        'p' => ["###.", "#..#", "###.", "#...", "#..."],
        'r' => ["###.", "#..#", "###.", "#.#.", "#..#"],
        's' => [".###", "#...", ".##.", "...#", "###."],
        't' => ["#####", "..#..", "..#..", "..#..", "..#.."],
        'u' => ["#..#", "#..#", "#..#", "#..#", ".##."],
        'w' => ["#...#", "#...#", "#.#.#", "##.##", "#...#"],
        'y' => ["#...#", ".#.#.", "..#..", "..#..", "..#.."],
        '→' => ["..#..", "...#.", "#####", "...#.", "..#.."],
        ' ' => ["..", "..", "..", "..", ".."],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Expression;

    #[test]
    fn every_state_can_be_written_and_fits_into_eighty_columns() {
        for word in Expression::ALL.into_iter().map(Expression::name).chain(["unknown"]) {
            assert!(word.chars().all(|letter| dots(letter).is_some()), "{word}");
            let rows = large(&format!("→ {word}"));
            let width = rows[0].chars().count();
            assert!(width <= 60 && rows.iter().all(|row| row.chars().count() == width), "{word}: {width}");
        }
    }

    #[test]
    fn two_rows_of_dots_are_one_row_of_text() {
        assert_eq!(large("if"), ["▀█▀ █▀▀▀ ", " █  █▀▀  ", "▀▀▀ ▀    "]);
    }
}
