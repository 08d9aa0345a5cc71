package wan4j.bench.measure;

/// The time and arithmetic of all calls of one operation in one pass.
///
/// @param name the operation, such as "attention over 75600 keys"
/// @param family what kind of work it is
/// @param milliseconds on the device
/// @param operations floating-point operations of its matrix products, 0 for others
/// @param calls how often it was called
public record OpTime(
    String name, Family family, double milliseconds, double operations, int calls) {
  /// Returns the sum of this and more calls of the same operation.
  OpTime plus(OpTime other) {
    return new OpTime(
        name,
        family,
        milliseconds + other.milliseconds,
        operations + other.operations,
        calls + other.calls);
  }

  /// Kinds of work.
  enum Family {
    /// Products of linear layers, with bias, function and, for an FP8 consumer, the rounding of
    /// their output.
    PRODUCTS,
    /// Attention.
    ATTENTION,
    /// Convolutions.
    CONVOLUTIONS,
    /// What moves memory.
    REST
  }
}
