package wan4j.ops;

import wan4j.tensor.DType;

/// How an attention wants its queries, keys and values, so that norm and rotation can deliver them
/// in one pass. Each further format is a member of its own, with all that it takes to make it.
public sealed interface AttentionFormat {
  /// Formats that need nothing but their name.
  enum Simple implements AttentionFormat {
    /// Heads of the backend's activation type: [Heads].
    PLAIN
  }

  /// Formats of which queries and keys, or values, or all are codes of 8 bits: [QuantizedHeads].
  enum EightBit implements AttentionFormat {
    /// int8 queries and keys, E4M3 values.
    INT8(DType.I8, 32, DType.F8_E4M3, 0),
    /// All E4M3.
    FLOAT8(DType.F8_E4M3, 32, DType.F8_E4M3, 0),
    /// int8 queries and keys, and values as they are.
    INT8_SCORES(DType.I8, 80, null, 0),
    /// Queries and keys as they are, int8 values.
    INT8_VALUES(null, 0, DType.I8, 192);

    private final DType scoreCodes;
    private final int keyGroup;
    private final DType valueCodes;
    private final int valueGroup;

    EightBit(DType scoreCodes, int keyGroup, DType valueCodes, int valueGroup) {
      this.scoreCodes = scoreCodes;
      this.keyGroup = keyGroup;
      this.valueCodes = valueCodes;
      this.valueGroup = valueGroup;
    }

    /// Says whether queries and keys are codes.
    public boolean hasNarrowScores() {
      return scoreCodes != null;
    }

    /// Says whether values are codes.
    public boolean hasNarrowValues() {
      return valueCodes != null;
    }

    /// Returns the type of queries and keys, of which `plain` is what they are without codes.
    public DType scoreType(DType plain) {
      return scoreCodes == null ? plain : scoreCodes;
    }

    /// Returns the type of values, of which `plain` is what they are without codes.
    public DType valueType(DType plain) {
      return valueCodes == null ? plain : valueCodes;
    }

    /// Returns how many neighbouring keys of a head share a scale.
    public int keyGroup() {
      return keyGroup;
    }

    /// Returns how many groups of keys with a scale there are among so many, 0 without codes.
    public int keyGroups(int keys) {
      return keyGroup == 0 ? 0 : Math.ceilDiv(keys, keyGroup);
    }

    /// Returns how many neighbouring keys share the scale of a channel of values; 0 where all do.
    public int valueGroup() {
      return valueGroup;
    }

    /// Returns how many groups of values with scales there are among so many, 0 without codes.
    public int valueGroups(int keys) {
      if (valueCodes == null) {
        return 0;
      }
      return valueGroup == 0 ? 1 : Math.ceilDiv(keys, valueGroup);
    }

    /// Returns the largest number of a type of codes.
    public static float mostCode(DType codes) {
      return codes == DType.I8 ? 127 : 448;
    }
  }
}
