package wan4j.cuda.tune;

import wan4j.cuda.LinearLayers;
import wan4j.cuda.bind.MatmulDescription;
import wan4j.cuda.bind.MatmulDescription.Element;
import wan4j.ops.Activation;
import wan4j.quant.Precision;

/// A linear layer of a network on a number of rows, as far as the speed of its product goes.
///
/// @param rows tokens of one rank
/// @param biased whether the layer has a bias
/// @param function what follows the layer
/// @param precision how the layer is computed
public record LayerShape(
    long rows, int outputs, int inputs, boolean biased, Activation function, Precision precision) {
  /// Returns the product without bias and function, with bfloat16 activations.
  MatmulDescription product() {
    boolean isFloat8 = precision.isFloat8();
    Element input = isFloat8 ? Element.FLOAT8_E4M3 : Element.BFLOAT16;
    return LinearLayers.scaled(
        MatmulDescription.linear(
            isFloat8 ? LinearLayers.padded(rows) : rows, outputs, inputs, input, Element.BFLOAT16),
        precision,
        true);
  }
}
