/// The lines that boxes are drawn with: box drawing characters where text is UTF-8, ASCII elsewhere.
struct Frame {
    let horizontal: String
    let vertical: String
    /// Left and right end of the line on top, between two parts, and at the bottom.
    let top: (left: String, right: String)
    let middle: (left: String, right: String)
    let bottom: (left: String, right: String)

    static let current =
        Environment.isUTF8
        ? Frame(horizontal: "─", vertical: "│", top: ("╭", "╮"), middle: ("├", "┤"), bottom: ("╰", "╯"))
        : Frame(horizontal: "-", vertical: "|", top: ("+", "+"), middle: ("+", "+"), bottom: ("+", "+"))

    /// A line across a box of so many columns.
    func rule(_ ends: (left: String, right: String), columns: Int) -> String {
        let line = ends.left + String(repeating: horizontal, count: max(columns - 2, 0)) + ends.right
        return Style.dim.applied(to: line)
    }
}
