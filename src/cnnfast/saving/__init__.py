"""Models from files and weights into models, without ever running what a file says.

`source` opens and recognizes a file; `archive` (`.keras`) and `hdf5` read it under guard;
`config` checks the model's configuration against limits and the allow-list of layers; `upgrade`
and `keras1` bring it up to date; `weights_h5` and `legacy_h5` find the arrays of every layer; and
`transfer` moves them into the variables, all or none.

The other way, `model_text` describes a model, `archive_writing`, `weights_h5_writing` and
`legacy_h5_writing` write the three formats, and `replacement` puts the finished file in its place.
"""

from cnnfast.saving.load import load_model, load_weights
from cnnfast.saving.save import save_model, save_weights

__all__ = ["load_model", "load_weights", "save_model", "save_weights"]
