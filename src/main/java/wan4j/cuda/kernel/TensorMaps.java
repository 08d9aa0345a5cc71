package wan4j.cuda.kernel;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import wan4j.cuda.bind.TensorMap;
import wan4j.cuda.bind.TensorMap.Element;
import wan4j.cuda.bind.TensorMap.Swizzle;

/// Tensor maps, each encoded when it is first asked for: scopes give the same tensors the same
/// places, so that after a network's first run nothing is encoded.
///
/// @param <M> what a cut is encoded to
final class TensorMaps<M> {
  private static final int MOST = 4096; // a network at one size wants some hundreds

  /// How boxes are cut out of a tensor: what `TensorMap` takes.
  record Cut(
      Element element,
      long address,
      List<Long> sizes,
      List<Long> strides,
      List<Integer> box,
      Swizzle swizzle) {
    private TensorMap encoded() {
      return new TensorMap(
          element,
          address,
          sizes.stream().mapToLong(Long::longValue).toArray(),
          strides.stream().mapToLong(Long::longValue).toArray(),
          box.stream().mapToInt(Integer::intValue).toArray(),
          swizzle);
    }
  }

  private final Function<Cut, M> encoder;
  private final Map<Cut, M> maps = new HashMap<>();

  TensorMaps(Function<Cut, M> encoder) {
    this.encoder = encoder;
  }

  /// Returns maps for the copy engine.
  static TensorMaps<TensorMap> ofDriver() {
    return new TensorMaps<>(Cut::encoded);
  }

  /// Returns the map of a cut.
  M of(Cut cut) {
    if (maps.size() >= MOST && !maps.containsKey(cut)) {
      maps.clear(); // launches hold copies
    }
    return maps.computeIfAbsent(cut, encoder);
  }
}
