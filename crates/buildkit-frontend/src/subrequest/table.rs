//! Text tables as Go's `text/tabwriter` draws them: cells of a column padded to the widest one.

/// Draws rows of equal length; `gap` spaces stand between two columns.
pub(super) fn draw(gap: usize, rows: &[Vec<&str>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0) + gap).collect();
    let mut out = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            out.push_str(cell);
            if column + 1 < row.len() {
                out.extend(std::iter::repeat_n(' ', widths[column] - cell.chars().count()));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn pads() {
        assert_eq!(super::draw(1, &[vec!["A", "B"], vec!["long", "x"]]), "A    B\nlong x\n");
        assert_eq!(super::draw(1, &[]), "");
    }
}
