package wan4j.text;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import wan4j.files.Json;
import wan4j.files.LinearPattern;
import wan4j.files.Quoted;
import wan4j.tensor.InputException;

/// Reads a tokenizer.json of the HuggingFace tokenizers library: a Unigram model with Metaspace.
final class TokenizerJson {
  private static final double LOG_10_OF_2 = 0.30103;
  private static final int LARGEST_ID = 100_000_000;

  private final Path file;

  private TokenizerJson(Path file) {
    this.file = file;
  }

  /// The tokenizer that a file describes; anything that is not understood is an InputException.
  static Tokenizer.Definition read(Path file) {
    var reader = new TokenizerJson(file);
    JsonNode root = Json.readExact(file);
    var post = reader.template(root.path("post_processor"));
    return new Tokenizer.Definition(
        reader.addedTokens(root.path("added_tokens")),
        reader.normalizer(root.path("normalizer")),
        reader.metaspace(root.path("pre_tokenizer")),
        reader.model(root.path("model")),
        post.get(0),
        post.get(1));
  }

  private InputException unexpected(String part, JsonNode found, String expected) {
    String shown = found.isMissingNode() ? "nothing" : Quoted.plain(found.toString());
    return new InputException(
        file + ": " + part + " is " + shown + ", expected " + expected + "; use umT5's tokenizer");
  }

  private static boolean isAbsent(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }

  private UnigramModel model(JsonNode model) {
    if (!model.path("type").asString("").equals("Unigram")) {
      throw unexpected("the model type", model.path("type"), "\"Unigram\"");
    }
    JsonNode vocabulary = model.path("vocab");
    var pieces = new ArrayList<String>(vocabulary.size());
    double[] scores = new double[vocabulary.size()];
    for (JsonNode entry : vocabulary) {
      if (!entry.path(0).isString() || !entry.path(1).isNumber()) {
        throw unexpected("vocabulary entry " + pieces.size(), entry, "a piece and its score");
      }
      BigDecimal score = Json.decimal(entry.path(1));
      if (score == null) {
        throw unexpected("vocabulary entry " + pieces.size(), entry, "a finite score");
      }
      scores[pieces.size()] = score(score);
      pieces.add(entry.path(0).stringValue());
    }
    JsonNode unknown = model.path("unk_id");
    int unknownId = Json.integer(unknown, 0, pieces.size() - 1, -1);
    if (unknownId < 0) {
      throw unexpected("unk_id", unknown, "an id below " + pieces.size());
    }
    return new UnigramModel(
        pieces, scores, unknownId, model.path("byte_fallback").asBoolean(false));
  }

  /// A number as serde_json reads it (serde-rs/json, src/de.rs, without float_roundtrip): digits
  /// and power of ten are rounded one after the other. The last bit decides between equal cuts.
  private static double score(BigDecimal number) {
    BigInteger digits = number.unscaledValue().abs();
    int scale = number.scale();
    int excess = (int) ((digits.bitLength() - 2 * Long.SIZE) * LOG_10_OF_2);
    if (excess > 0) { // at once, so that many digits cost little
      digits = digits.divide(BigInteger.TEN.pow(excess));
      scale -= excess;
    }
    while (digits.bitLength() > Long.SIZE) {
      digits = digits.divide(BigInteger.TEN);
      scale--;
    }
    double power = Double.parseDouble("1e" + Math.abs(scale));
    double magnitude = scale >= 0 ? digits.doubleValue() / power : digits.doubleValue() * power;
    return number.signum() < 0 ? -magnitude : magnitude;
  }

  private List<AddedToken> addedTokens(JsonNode tokens) {
    var added = new ArrayList<AddedToken>();
    for (JsonNode token : tokens) {
      if (!token.path("content").isString()) {
        throw unexpected("an added token", token, "an id and its content");
      }
      added.add(
          new AddedToken(
              token.path("content").stringValue(),
              id(token.path("id"), "the id of an added token"),
              token.path("single_word").asBoolean(false),
              token.path("lstrip").asBoolean(false),
              token.path("rstrip").asBoolean(false),
              token.path("normalized").asBoolean(false)));
    }
    return added;
  }

  private int id(JsonNode node, String part) {
    int id = Json.integer(node, 0, LARGEST_ID, -1);
    if (id < 0) {
      throw unexpected(part, node, "a whole number of 0 or more");
    }
    return id;
  }

  private UnaryOperator<String> normalizer(JsonNode step) {
    if (isAbsent(step)) {
      return text -> text;
    }
    String type = step.path("type").asString("");
    return switch (type) {
      case "Sequence" -> sequence(step.path("normalizers"));
      case "Precompiled" -> precompiled(step.path("precompiled_charsmap"));
      case "Replace" -> replace(step);
      case "Strip" -> strip(step);
      case "Lowercase" -> text -> text.toLowerCase(Locale.ROOT);
      case "NFC", "NFD", "NFKC", "NFKD" -> {
        var form = Normalizer.Form.valueOf(type);
        yield text -> Normalizer.normalize(text, form);
      }
      default -> throw unexpected("a normalizer", step, "one that umT5 has");
    };
  }

  private UnaryOperator<String> sequence(JsonNode steps) {
    var operators = new ArrayList<UnaryOperator<String>>();
    for (JsonNode step : steps) {
      operators.add(normalizer(step));
    }
    return text -> {
      for (var operator : operators) {
        text = operator.apply(text);
      }
      return text;
    };
  }

  private UnaryOperator<String> precompiled(JsonNode charsmap) {
    byte[] bytes;
    try {
      bytes = Base64.getDecoder().decode(charsmap.asString(""));
    } catch (IllegalArgumentException e) {
      throw unexpected("precompiled_charsmap", charsmap, "base64");
    }
    return PrecompiledCharsmap.read(bytes, file.toString())::normalize;
  }

  private UnaryOperator<String> replace(JsonNode step) {
    JsonNode regex = step.path("pattern").path("Regex");
    JsonNode literal = step.path("pattern").path("String");
    String content = step.path("content").asString("");
    if (literal.isString()) {
      return text -> text.replace(literal.stringValue(), content);
    }
    if (!regex.isString()) {
      throw unexpected("a replacement", step, "a pattern and its content");
    }
    LinearPattern pattern;
    try {
      pattern = LinearPattern.of(regex.stringValue());
    } catch (InputException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    }
    return text -> pattern.replaceAll(text, content);
  }

  private static UnaryOperator<String> strip(JsonNode step) {
    boolean left = step.path("strip_left").asBoolean(false);
    boolean right = step.path("strip_right").asBoolean(false);
    return text -> {
      String stripped = left ? Whitespace.withoutBefore(text) : text;
      return right ? Whitespace.withoutAfter(stripped) : stripped;
    };
  }

  private Metaspace metaspace(JsonNode step) {
    JsonNode steps = step.path("pretokenizers");
    if (steps.size() == 2 && steps.path(0).path("type").asString("").equals("WhitespaceSplit")) {
      return metaspace(steps.path(1), true);
    }
    return metaspace(steps.size() == 1 ? steps.path(0) : step, false);
  }

  private Metaspace metaspace(JsonNode step, boolean dropsWhitespace) {
    String mark = step.path("replacement").asString("");
    if (!step.path("type").asString("").equals("Metaspace") || mark.isEmpty()) {
      throw unexpected("the pre-tokenizer", step, "a Metaspace");
    }
    boolean wanted = step.path("add_prefix_space").asBoolean(true);
    String scheme = step.path("prepend_scheme").asString("always");
    var prefix =
        switch (wanted ? scheme : "never") {
          case "always" -> Metaspace.Prefix.ALWAYS;
          case "first" -> Metaspace.Prefix.FIRST;
          case "never" -> Metaspace.Prefix.NEVER;
          default -> throw unexpected("prepend_scheme", step, "always, first or never");
        };
    return new Metaspace(mark, prefix, step.path("split").asBoolean(true), dropsWhitespace);
  }

  /// The ids before and after the prompt's own.
  private List<List<Integer>> template(JsonNode post) {
    var before = new ArrayList<Integer>();
    var after = new ArrayList<Integer>();
    if (!isAbsent(post)) {
      if (!post.path("type").asString("").equals("TemplateProcessing")) {
        throw unexpected("the post-processor", post, "a TemplateProcessing");
      }
      var side = before;
      for (JsonNode item : post.path("single")) {
        if (item.has("Sequence")) {
          side = after;
          continue;
        }
        String name = item.path("SpecialToken").path("id").asString("");
        JsonNode ids = post.path("special_tokens").path(name).path("ids");
        if (ids.isEmpty()) {
          throw unexpected("the template", item, "a special token with its ids");
        }
        for (JsonNode id : ids) {
          side.add(id(id, "an id of the template"));
        }
      }
    }
    return List.of(before, after);
  }
}
