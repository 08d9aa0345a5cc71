package wan4j.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import wan4j.files.InputFile;
import wan4j.files.Json;
import wan4j.tensor.InputException;

/// A file of requests: CSV with a line of names first, or a JSON object a line. What is wrong with
/// one of them is that one's failure alone.
final class RequestList {
  private static final int LARGEST_FILE = 16 << 20;

  /// One request of the file.
  ///
  /// @param number its line, from 1
  /// @param fields what it says, by name; nothing is left out by an empty text
  /// @param mistake why it cannot be read, or null
  record Line(int number, Map<String, String> fields, String mistake) {}

  private RequestList() {}

  /// Reads a file; throws `InputException` when it cannot be read at all or holds no request.
  static List<Line> read(Path file) {
    String text = text(file);
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    boolean isJson = !name.endsWith(".csv") && text.stripLeading().startsWith("{");
    List<Line> lines = isJson ? json(text) : csv(file, text);
    if (lines.isEmpty()) {
      throw new InputException(
          "%s holds no request; expected a JSON object a line, or CSV with a line of names first"
              .formatted(file));
    }
    return lines;
  }

  private static String text(Path file) {
    InputFile.require(file, "a list of requests");
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(LARGEST_FILE + 1);
      if (bytes.length > LARGEST_FILE) {
        throw new InputException(
            "%s has more than %,d bytes; cut the list of requests into smaller files"
                .formatted(file, LARGEST_FILE));
      }
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.startsWith("\uFEFF") ? text.substring(1) : text; // the mark of spreadsheets
    } catch (CharacterCodingException e) {
      throw new InputException(
          "%s is not UTF-8; save the list of requests as UTF-8 text".formatted(file), e);
    } catch (IOException e) {
      throw InputFile.failure(file, e);
    }
  }

  private static List<Line> json(String text) {
    List<Line> lines = new ArrayList<>();
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      try {
        Map<String, String> fields = new LinkedHashMap<>();
        JsonNode object = Json.parse(line, "the line");
        for (Map.Entry<String, JsonNode> field : object.properties()) {
          if (field.getValue().isNull()) {
            continue;
          }
          if (!field.getValue().isValueNode()) {
            throw new InputException(
                "%s is a list or an object; expected a text or a number".formatted(field.getKey()));
          }
          fields.put(field.getKey(), field.getValue().asString());
        }
        lines.add(new Line(number, fields, null));
      } catch (InputException e) {
        lines.add(new Line(number, Map.of(), e.getMessage()));
      }
    }
    return lines;
  }

  private static List<Line> csv(Path file, String text) {
    List<Row> rows = rows(text);
    List<Line> lines = new ArrayList<>();
    if (rows.isEmpty()) {
      return lines;
    }
    List<String> names = rows.getFirst().cells().stream().map(String::strip).toList();
    if (names.stream().distinct().count() < names.size() || names.contains("")) {
      throw new InputException(
          "%s has the first line \"%s\"; expected a name for each column, each once, such as prompt,image,seed,name"
              .formatted(file, String.join(",", names)));
    }
    for (Row row : rows.subList(1, rows.size())) {
      if (row.isOpen()) {
        lines.add(
            new Line(
                row.number(),
                Map.of(),
                "a quote is opened and never closed; close it, and double a quote that is text"));
        continue;
      }
      if (row.cells().size() != names.size()) {
        lines.add(
            new Line(
                row.number(),
                Map.of(),
                "its number of columns is %d, expected %d as in the first line; put text with commas into quotes"
                    .formatted(row.cells().size(), names.size())));
        continue;
      }
      Map<String, String> fields = new LinkedHashMap<>();
      for (int i = 0; i < names.size(); i++) {
        if (!row.cells().get(i).isEmpty()) {
          fields.put(names.get(i), row.cells().get(i));
        }
      }
      lines.add(new Line(row.number(), fields, null));
    }
    return lines;
  }

  /// The cells of a line of CSV, which may go on over several lines of text, and whether the text
  /// ends before a quote does.
  private record Row(int number, List<String> cells, boolean isOpen) {}

  /// Cuts text as RFC 4180 has it: cells in quotes may hold commas, line ends and doubled quotes.
  private static List<Row> rows(String text) {
    List<Row> rows = new ArrayList<>();
    List<String> cells = new ArrayList<>();
    StringBuilder cell = new StringBuilder();
    boolean isQuoted = false;
    int number = 1;
    int first = 1;
    for (int i = 0; i <= text.length(); i++) {
      char letter = i == text.length() ? '\n' : text.charAt(i);
      number += letter == '\n' ? 1 : 0;
      if (isQuoted && i < text.length()) {
        if (letter != '"') {
          cell.append(letter);
        } else if (i + 1 < text.length() && text.charAt(i + 1) == '"') {
          cell.append(letter);
          i++;
        } else {
          isQuoted = false;
        }
      } else if (letter == '"' && cell.isEmpty()) {
        isQuoted = true;
      } else if (letter == ',') {
        cells.add(cell.toString());
        cell.setLength(0);
      } else if (letter == '\n') {
        boolean isEmpty = cells.isEmpty() && cell.toString().isBlank();
        if (!isEmpty) {
          cells.add(cell.toString());
          rows.add(new Row(first, List.copyOf(cells), isQuoted));
        }
        cells.clear();
        cell.setLength(0);
        first = number;
      } else if (letter != '\r') {
        cell.append(letter);
      }
    }
    return rows;
  }
}
