package wan4j.text;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import wan4j.tensor.InputException;

/// Reads a tokenizer.json of the HuggingFace tokenizers library: a Unigram model with Metaspace.
final class TokenizerJson {
  private static final Pattern SPACES_BEFORE = Pattern.compile("^\\p{IsWhite_Space}+");
  private static final Pattern SPACES_AFTER = Pattern.compile("\\p{IsWhite_Space}+$");

  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();

  private final Path file;

  private TokenizerJson(Path file) {
    this.file = file;
  }

  /// The tokenizer that a file describes; anything that is not understood is an InputException.
  static Tokenizer.Definition read(Path file) {
    var reader = new TokenizerJson(file);
    JsonNode root;
    try (var stream = Files.newInputStream(file)) {
      root = MAPPER.readTree(stream);
    } catch (IOException | JacksonException e) {
      throw new InputException(file + " cannot be read as JSON; download the tokenizer again", e);
    }
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
    String text = found.isMissingNode() ? "nothing" : found.toString();
    String shown = text.length() > 60 ? text.substring(0, 60) + "…" : text;
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
      scores[pieces.size()] = score(entry.path(1).decimalValue());
      pieces.add(entry.path(0).stringValue());
    }
    JsonNode unknown = model.path("unk_id");
    int unknownId = unknown.isInt() ? unknown.intValue() : -1;
    if (unknownId < 0 || unknownId >= pieces.size()) {
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
      if (!token.path("content").isString() || !token.path("id").isInt()) {
        throw unexpected("an added token", token, "an id and its content");
      }
      added.add(
          new AddedToken(
              token.path("content").stringValue(),
              token.path("id").intValue(),
              token.path("single_word").asBoolean(false),
              token.path("lstrip").asBoolean(false),
              token.path("rstrip").asBoolean(false),
              token.path("normalized").asBoolean(false)));
    }
    return added;
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
    try {
      Pattern pattern = Pattern.compile(regex.asString());
      String replacement = Matcher.quoteReplacement(content);
      return text -> pattern.matcher(text).replaceAll(replacement);
    } catch (JacksonException | PatternSyntaxException e) {
      throw unexpected("a replacement", step, "a pattern and its content");
    }
  }

  private static UnaryOperator<String> strip(JsonNode step) {
    boolean left = step.path("strip_left").asBoolean(false);
    boolean right = step.path("strip_right").asBoolean(false);
    return text -> {
      String stripped = left ? SPACES_BEFORE.matcher(text).replaceFirst("") : text;
      return right ? SPACES_AFTER.matcher(stripped).replaceFirst("") : stripped;
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
          side.add(id.asInt());
        }
      }
    }
    return List.of(before, after);
  }
}
