package wan4j.bench.report;

import java.util.List;

/// A table in Markdown.
final class MarkdownTable {
  private MarkdownTable() {}

  /// Returns a table after an empty line; its first columns are text, the others numbers, which
  /// stand to the right.
  static String of(List<String> head, int textColumns, List<List<String>> rows) {
    StringBuilder table = new StringBuilder("\n");
    line(table, head);
    table.append('|');
    for (int i = 0; i < head.size(); i++) {
      table.append(i < textColumns ? " --- |" : " ---: |");
    }
    table.append('\n');
    rows.forEach(row -> line(table, row));
    return table.toString();
  }

  private static void line(StringBuilder table, List<String> cells) {
    table.append('|');
    cells.forEach(cell -> table.append(' ').append(cell).append(cell.isEmpty() ? "|" : " |"));
    table.append('\n');
  }
}
