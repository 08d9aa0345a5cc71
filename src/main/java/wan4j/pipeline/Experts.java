package wan4j.pipeline;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import wan4j.model.DiffusionNetwork;
import wan4j.weights.Expert;
import wan4j.weights.TransformerConfig;

/// The transformers of a model: one, or a pair that is split at a noise level. Each is loaded when
/// a step first needs it; where memory is short only one stays loaded.
public final class Experts implements AutoCloseable {
  private final List<Expert> names;
  private final double boundary;
  private final Function<Expert, DiffusionNetwork> loader;
  private final Consumer<Runnable> leaving;
  private final TransformerConfig config;
  private final Map<Expert, DiffusionNetwork> loaded = new EnumMap<>(Expert.class);
  private boolean keepsOne;

  /// Creates experts; `boundary` in [0, 1] is the noise level from which on the high-noise expert
  /// works, and is not used for a single transformer.
  public Experts(
      TransformerConfig config,
      List<Expert> names,
      double boundary,
      boolean keepsOne,
      Function<Expert, DiffusionNetwork> loader) {
    this(config, names, boundary, keepsOne, loader, Runnable::run);
  }

  /// Creates experts; `leaving` does what frees them.
  public Experts(
      TransformerConfig config,
      List<Expert> names,
      double boundary,
      boolean keepsOne,
      Function<Expert, DiffusionNetwork> loader,
      Consumer<Runnable> leaving) {
    this.leaving = leaving;
    this.config = config;
    this.names = List.copyOf(names);
    this.boundary = boundary;
    this.keepsOne = keepsOne;
    this.loader = loader;
  }

  /// Says whether only one transformer stays loaded from now on.
  public void keepOnlyOne(boolean only) {
    keepsOne = only;
  }

  /// Returns the sizes of the transformers, which are the same for all.
  public TransformerConfig config() {
    return config;
  }

  /// Returns which there are, in the order in which steps use them.
  public List<Expert> names() {
    return names;
  }

  /// Returns which expert works at an integer timestep (0 to 1000).
  public Expert at(int timestep) {
    if (names.size() == 1) {
      return names.getFirst();
    }
    return timestep >= boundary * 1000 ? Expert.HIGH_NOISE : Expert.LOW_NOISE;
  }

  /// Returns the noise level from which on the high-noise expert works.
  public double boundary() {
    return boundary;
  }

  /// Returns a transformer, loaded.
  public DiffusionNetwork get(Expert expert) {
    if (keepsOne && !loaded.containsKey(expert)) {
      close();
    }
    return loaded.computeIfAbsent(expert, loader);
  }

  /// Does something with each transformer that is loaded now.
  public void forEachLoaded(BiConsumer<Expert, DiffusionNetwork> action) {
    loaded.forEach(action);
  }

  /// Frees the loaded transformers; they are loaded again when needed.
  @Override
  public void close() {
    if (!loaded.isEmpty()) {
      leaving.accept(() -> {
        loaded.values().forEach(DiffusionNetwork::close);
        loaded.clear();
      });
    }
  }
}
