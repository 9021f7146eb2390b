"""A character LSTM on the same layers as every other network: gates and outputs are one matrix each.

The gates of a unit are columns of one matrix, in the order input, forget, output, candidate, and its rows take the layer's input,
the hidden values of the step before and the bias's 1 (Hochreiter and Schmidhuber 1997, Gers et al. 2000):

    i, f, o = sigmoid(z_i, z_f, z_o), g = tanh(z_g), c = f c' + i g, h = o tanh(c).

It is trained by back-propagation through time over windows of a few characters. All errors of a window are read before its
updates are pulsed, one update a step and layer; hidden values go on from window to window, errors do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .layers import Weights, softmax_descent
from .scaling import Floats


def lstm_shapes(characters: int, hidden: int, layers: int) -> tuple[tuple[int, int], ...]:
    """Return rows and columns of the matrices of a network with that many characters, hidden units a layer, and layers."""
    inputs = [characters, *[hidden] * (layers - 1)]
    return (*((size + hidden + 1, 4 * hidden) for size in inputs), (hidden + 1, characters))


@dataclass
class _Step:
    """What one layer keeps of one step for the way back: all float64[hidden] but the gates' input vector."""

    inputs: Floats
    gates: Floats
    candidate: Floats
    before: Floats
    squashed: Floats


class CharacterNetwork:
    """LSTM layers one above another, and a softmax over the characters.

    Parameters
    ----------
    layers : sequence of Weights
        Gates of every LSTM layer, and the outputs, of the sizes that :func:`lstm_shapes` returns.
    characters, hidden : int
        Size of the alphabet, and hidden units a layer.

    Attributes
    ----------
    state : list of (array, array)
        Hidden values h and cell values c of every layer, float64[hidden].
    """

    def __init__(self, layers: Sequence[Weights], characters: int, hidden: int) -> None:
        self.gates, self.last = tuple(layers[:-1]), layers[-1]
        self.characters, self.hidden = characters, hidden
        self.reset()

    def reset(self) -> None:
        """Begin a new text."""
        self.state = [(np.zeros(self.hidden), np.zeros(self.hidden)) for _ in self.gates]

    def step(self, character: int) -> Floats:
        """Read one character and return the outputs before the softmax for the one behind it."""
        return self._step(character)[1]

    def learn(self, text: NDArray[np.int64]) -> float:
        """Learn every next character of a window, and return the sum of their cross-entropies, in bits.

        Parameters
        ----------
        text : int64[n + 1]
            Numbers of successive characters: n of them are read, each is followed by the one to be learned.
        """
        steps: list[list[_Step]] = []
        tops, descents, bits = [], [], 0.0
        for character, label in pairwise(text.tolist()):
            seen, output = self._step(character)
            steps.append(seen)
            tops.append(np.append(self.state[-1][0], 1.0))
            bits += cross_entropy(output, label)
            descents.append(softmax_descent(output, label))
        gradients = self._errors(steps, descents)
        for top, descent in zip(tops, descents, strict=True):
            self.last.descend(top, descent)
        for layer, inputs, errors in gradients:
            layer.descend(inputs, errors)
        return bits

    def _step(self, character: int) -> tuple[list[_Step], Floats]:
        values = np.zeros(self.characters)
        values[character] = 1.0
        seen = []
        size = self.hidden
        for index, layer in enumerate(self.gates):
            hidden, before = self.state[index]
            inputs = np.concatenate((values, hidden, (1.0,)))
            sums = layer.forward(inputs)
            # Beyond +-30 the sigmoid is 0 or 1 to the last bits that matter, and exp does not overflow.
            gates = 1.0 / (1.0 + np.exp(-np.clip(sums[: 3 * size], -30.0, 30.0)))
            candidate = np.tanh(sums[3 * size :])
            cell = gates[size : 2 * size] * before + gates[:size] * candidate
            squashed = np.tanh(cell)
            values = gates[2 * size :] * squashed
            self.state[index] = (values, cell)
            seen.append(_Step(inputs, gates, candidate, before, squashed))
        return seen, self.last.forward(np.append(values, 1.0))

    def _errors(self, steps: list[list[_Step]], descents: list[Floats]) -> list[tuple[Weights, Floats, Floats]]:
        """Return layer, inputs and negative gradients of the gates for every update of a window."""
        size, count = self.hidden, len(self.gates)
        found: list[tuple[Weights, Floats, Floats]] = []
        later = [(np.zeros(size), np.zeros(size)) for _ in range(count)]
        for time in range(len(steps) - 1, -1, -1):
            above = self.last.backward(descents[time])
            for index in range(count - 1, -1, -1):
                step, (hidden_error, cell_error) = steps[time][index], later[index]
                hidden_error = hidden_error + above
                enter, keep, leave = step.gates[:size], step.gates[size : 2 * size], step.gates[2 * size :]
                cell_error = cell_error + hidden_error * leave * (1.0 - step.squashed * step.squashed)
                slopes = step.gates * (1.0 - step.gates)
                gate_errors = np.concatenate(
                    (cell_error * step.candidate, cell_error * step.before, hidden_error * step.squashed)
                )
                errors = np.concatenate((gate_errors * slopes, cell_error * enter * (1.0 - step.candidate * step.candidate)))
                found.append((self.gates[index], step.inputs, errors))
                behind = np.zeros(len(step.inputs) - 1)
                if time or index:
                    behind = self.gates[index].backward(errors)
                above, hidden_error = behind[:-size], behind[-size:]
                later[index] = (hidden_error, cell_error * keep)
        return found


def cross_entropy(output: Floats, label: int) -> float:
    """Return the bits that a character costs under the softmax of the outputs."""
    largest = output.max()
    return float((np.log(np.exp(output - largest).sum()) + largest - output[label]) / np.log(2.0))


def evaluate(network: CharacterNetwork, text: NDArray[np.int64]) -> float:
    """Return the mean bits of every next character of a text that is read from a fresh state."""
    network.reset()
    return float(np.mean([cross_entropy(network.step(character), label) for character, label in pairwise(text.tolist())]))


def write_text(network: CharacterNetwork, first: int, length: int, rng: np.random.Generator) -> list[int]:
    """Return characters, the first one given, each next one drawn from the network's softmax."""
    network.reset()
    written = [first]
    while len(written) < length:
        output = network.step(written[-1])
        powers = np.exp(output - output.max())
        written.append(int(rng.choice(network.characters, p=powers / powers.sum())))
    return written
