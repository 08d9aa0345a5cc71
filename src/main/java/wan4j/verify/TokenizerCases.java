package wan4j.verify;

import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.JsonNode;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;
import wan4j.text.PromptCleaner;
import wan4j.text.TokenIds;
import wan4j.text.Tokenizer;

/// Prompts to token ids: the cleaned text, the ids of the whole text, and the ids and mask of the
/// text cut and padded to the case's length.
final class TokenizerCases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    Tokenizer tokenizer = Tokenizer.load(reference.path("tokenizer"));
    JsonNode prompts = reference.json().path("prompts");
    Tensor ids = reference.tensor("out.ids");
    Tensor masks = reference.tensor("out.mask");
    if (prompts.isEmpty() || ids.length(0) != prompts.size()) {
      throw new InputException(
          "%s lists %d prompts, but out.ids has %d rows; expected one row for each prompt"
              .formatted(reference.folder(), prompts.size(), ids.length(0)));
    }
    int length = ids.length(1);
    int cleaned = 0;
    int whole = 0;
    int rows = 0;
    int masked = 0;
    for (int i = 0; i < prompts.size(); i++) {
      JsonNode prompt = prompts.get(i);
      String text = PromptCleaner.clean(prompt.path("prompt").asString());
      cleaned += text.equals(prompt.path("cleaned").asString()) ? 0 : 1;
      int[] untruncated = integers(prompt.path("ids_untruncated"));
      TokenIds all = tokenizer.encode(text, untruncated.length + 1);
      whole += Arrays.equals(Arrays.copyOf(all.ids(), all.length()), untruncated) ? 0 : 1;
      TokenIds tokens = tokenizer.encode(text, length);
      rows += Arrays.equals(tokens.ids(), ids.at(i).toInts()) ? 0 : 1;
      masked += Arrays.equals(tokens.mask(), masks.at(i).toInts()) ? 0 : 1;
    }
    return List.of(
        Comparison.wrong("out.ids", rows, prompts.size()),
        Comparison.wrong("out.mask", masked, prompts.size()),
        Comparison.wrong("cleaned", cleaned, prompts.size()),
        Comparison.wrong("ids_untruncated", whole, prompts.size()));
  }

  private static int[] integers(JsonNode list) {
    int[] values = new int[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = list.get(i).asInt();
    }
    return values;
  }
}
