package wan4j.onnx;

import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;

/// An object of a class that is not there when wan4j is compiled, or such a class itself, and calls
/// of its public methods.
///
/// @param type the class whose methods are called
/// @param target the object, null for the class itself
record Reflected(Class<?> type, Object target) {
  /// A value for a parameter of a type.
  record Argument(Class<?> type, Object value) {}

  static Argument argument(Class<?> type, Object value) {
    return new Argument(type, value);
  }

  static Reflected of(Class<?> type) {
    return new Reflected(type, null);
  }

  static Reflected of(Object target) {
    return new Reflected(target.getClass(), target);
  }

  /// Returns a new object of a class.
  static Reflected created(Class<?> type) {
    try {
      return of(type.getConstructor().newInstance());
    } catch (InvocationTargetException e) {
      throw failure(e);
    } catch (ReflectiveOperationException e) {
      throw changed(type.getName(), e);
    }
  }

  boolean has(String method) {
    return Arrays.stream(type.getMethods()).anyMatch(each -> each.getName().equals(method));
  }

  /// Calls a method; throws `OnnxException` when it fails, and `IllegalStateException` when this
  /// ONNX Runtime has none of the name.
  Reflected call(String name, Argument... arguments) {
    Class<?>[] types = Arrays.stream(arguments).map(Argument::type).toArray(Class<?>[]::new);
    Object[] values = Arrays.stream(arguments).map(Argument::value).toArray();
    try {
      Object result = type.getMethod(name, types).invoke(target, values);
      return result == null ? new Reflected(void.class, null) : of(result);
    } catch (InvocationTargetException e) {
      throw failure(e);
    } catch (ReflectiveOperationException e) {
      throw changed(type.getName() + "." + name, e);
    }
  }

  private static RuntimeException failure(InvocationTargetException e) {
    return switch (e.getCause()) {
      case Error error -> throw error;
      case RuntimeException exception -> exception;
      case Throwable other -> new OnnxException(other);
    };
  }

  private static IllegalStateException changed(String name, ReflectiveOperationException e) {
    return new IllegalStateException(
        "this ONNX Runtime has no %s; expected version %s".formatted(name, OnnxRuntimeJar.VERSION),
        e);
  }

  /// Closes the object.
  void close() {
    call("close");
  }
}
