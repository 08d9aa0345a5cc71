package wan4j.engine;

import java.util.List;
import java.util.stream.Stream;
import wan4j.EngineOptions;
import wan4j.Ranks.WeightShards;

/// Which networks' blocks are divided among all ranks of a request. The halves that take the
/// branches of guidance hold the same weights, so all ranks divide them, not those of a half: that
/// is the least memory, and it works for two ranks. A rank copies what others hold whenever its own
/// forward needs it, so a half that waits for the other need not take part.
///
/// @param transformers whether the transformers are divided
/// @param text whether the text encoder is divided, which the first rank alone holds otherwise
public record Shards(boolean transformers, boolean text) {
  /// Every rank holds what it uses.
  public static final Shards NONE = new Shards(false, false);

  /// Returns what may be chosen for an engine, the fastest first: the encoder computes once a
  /// request, the transformers in every step.
  static List<Shards> choices(EngineOptions options) {
    if (options.ranks().isAlone()) {
      return List.of(NONE);
    }
    WeightShards wish = options.ranks().shards();
    return Stream.of(NONE, new Shards(false, true), new Shards(true, false), new Shards(true, true))
        .filter(shards -> wish.transformers() == null || wish.transformers() == shards.transformers)
        .filter(shards ->
            options.textOnCpu()
                ? !shards.text // the ranks of a host have its memory in common
                : wish.text() == null || wish.text() == shards.text)
        .toList();
  }

  /// Says whether anything is divided.
  boolean areAny() {
    return transformers || text;
  }

  /// Returns what is divided, in words.
  private String names() {
    return transformers && text
        ? "the blocks of transformers and text encoder"
        : transformers ? "the blocks of the transformers" : "the blocks of the text encoder";
  }

  /// Returns what is done as a sentence.
  String sentence(int ranks) {
    return "%s are divided among the %d GPUs, each of which holds one part and takes copies of the others while it computes"
        .formatted(names(), ranks);
  }
}
