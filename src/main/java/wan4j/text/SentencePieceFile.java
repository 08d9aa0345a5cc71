package wan4j.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import wan4j.files.Json;
import wan4j.tensor.InputException;

/// Reads a spiece.model and makes of it what umT5's tokenizer.json would say.
///
/// Field numbers: google/sentencepiece, src/sentencepiece_model.proto. As in the converter of the
/// transformers releases that the reference pins (4.49 to 4.51), unknown characters do not fall
/// back to byte pieces, whatever the model was trained with: only a tokenizer.json can ask for it.
final class SentencePieceFile {
  private static final int UNIGRAM = 1;
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;

  private static final String CLOSING = "</s>";
  private static final Pattern SPACES = Pattern.compile(" {2,}");
  private static final int LARGEST = 64 << 20;
  private static final Pattern SENTINEL = Pattern.compile("<extra_id_[0-9]+>");

  private final String file;
  private final List<String> pieces = new ArrayList<>();
  private final List<Float> scores = new ArrayList<>();
  private final List<AddedToken> added = new ArrayList<>();
  private int modelType = UNIGRAM;
  private int unknownId = -1;
  private byte[] charsmap = {};

  private SentencePieceFile(String file) {
    this.file = file;
  }

  /// The tokenizer that a model file describes, with the sentinels that a configuration beside it
  /// names.
  static Tokenizer.Definition read(Path file) {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(LARGEST + 1);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read; download the tokenizer again", e);
    }
    if (bytes.length > LARGEST) {
      throw new InputException(
          file + " is larger than 64 MB; expected a SentencePiece model: check the path");
    }
    var reader = new SentencePieceFile(file.toString());
    reader.readModel(ProtocolBuffer.of(bytes, reader.file));
    reader.addSentinels(file);
    return reader.definition();
  }

  /// The tokenizer of a model alone, called by a title in messages, with umT5's own sentinels.
  static Tokenizer.Definition read(byte[] model, String title) {
    var reader = new SentencePieceFile(title);
    reader.readModel(ProtocolBuffer.of(model, title));
    return reader.definition();
  }

  private void readModel(ProtocolBuffer model) {
    for (int field = model.next(); field != 0; field = model.next()) {
      switch (field) {
        case 1 -> readPiece(model.message());
        case 2 -> readTrainer(model.message());
        case 3 -> readNormalizer(model.message());
        default -> model.skip();
      }
    }
  }

  private void readPiece(ProtocolBuffer piece) {
    String text = "";
    float score = 0;
    int type = NORMAL;
    for (int field = piece.next(); field != 0; field = piece.next()) {
      switch (field) {
        case 1 -> text = piece.text();
        case 2 -> score = piece.real();
        case 3 -> type = (int) piece.integer();
        default -> piece.skip();
      }
    }
    if (type == UNKNOWN) {
      unknownId = pieces.size();
    }
    if (type == UNKNOWN || type == CONTROL || type == USER_DEFINED) {
      added.add(AddedToken.plain(text, pieces.size()));
    }
    pieces.add(text);
    scores.add(score);
  }

  private void readTrainer(ProtocolBuffer trainer) {
    for (int field = trainer.next(); field != 0; field = trainer.next()) {
      if (field == 3) {
        modelType = (int) trainer.integer();
      } else {
        trainer.skip();
      }
    }
  }

  private void readNormalizer(ProtocolBuffer normalizer) {
    for (int field = normalizer.next(); field != 0; field = normalizer.next()) {
      if (field == 2) {
        charsmap = normalizer.blob();
      } else {
        normalizer.skip();
      }
    }
  }

  private Tokenizer.Definition definition() {
    if (modelType != UNIGRAM) {
      throw new InputException(
          file + " has model type " + modelType + ", expected 1 (Unigram); use umT5's tokenizer");
    }
    int closing = pieces.indexOf(CLOSING);
    if (unknownId < 0 || closing < 0) {
      throw new InputException(
          file
              + " has "
              + pieces.size()
              + " pieces, expected an unknown piece and </s> among them; download the tokenizer"
              + " again");
    }
    double[] exactScores = scores.stream().mapToDouble(Float::doubleValue).toArray();
    return new Tokenizer.Definition(
        added,
        normalizer(),
        new Metaspace("\u2581", Metaspace.Prefix.ALWAYS, true, false),
        new UnigramModel(pieces, exactScores, unknownId, false),
        List.of(),
        List.of(closing));
  }

  private UnaryOperator<String> normalizer() {
    // as the stored tokenizer.json: blanks at the end go, several others become one
    UnaryOperator<String> spaces =
        text -> SPACES.matcher(Whitespace.withoutAfter(text)).replaceAll(" ");
    if (charsmap.length == 0) {
      return spaces;
    }
    var map = PrecompiledCharsmap.read(charsmap, file);
    return text -> spaces.apply(map.normalize(text));
  }

  /// Adds the sentinels that are not pieces of the model, the last one first: they follow its
  /// pieces.
  private void addSentinels(Path model) {
    var sentinels = new ArrayList<String>();
    var known = new HashSet<>(pieces);
    for (String name : List.of("tokenizer_config.json", "special_tokens_map.json")) {
      Path configuration = model.resolveSibling(name);
      if (sentinels.isEmpty() && Files.exists(configuration)) {
        for (JsonNode token : Json.readExact(configuration).path("additional_special_tokens")) {
          String text = token.path("content").asString(token.asString(""));
          if (SENTINEL.matcher(text).matches() && known.add(text)) {
            sentinels.addFirst(text);
          }
        }
      }
    }
    for (String sentinel : sentinels) {
      added.add(AddedToken.plain(sentinel, pieces.size()));
      pieces.add(sentinel);
      scores.add(0f);
    }
  }
}
