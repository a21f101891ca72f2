# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m siammcvae_core` lists the commands of this package."""

COMMANDS = {
    'restore': 'restore a recorded video or bag',
    'evaluate': 'score restoration methods side by side: pictures, tables, one report',
    'evaluate.persistent_faults': 'score faults that last many frames',
    'evaluate.detector_ablation': 'score restoring without masks: what the fault detector costs',
    'evaluate.imputation': 'score Ode2-FacVAE between, beyond and within the frames of clips',
    'train': 'train a model on folders of drives',
    'train.calibrate': 'calibrate the expected error of trained drive weights, ready to ship',
    'train.physics': 'compare dynamics of second and first order on clips of known motion',
    'detection': 'measure what the fault detector finds on clips',
    'detection.codec_table': 'measure masks from a damaged camera stream on clips',
    'engines': 'export the model as ONNX, or build its TensorRT engines',
    'benchmark': 'time restoring on this machine',
    'propagation': 'carry labels through videos with trained features',
    'baselines.sizes': 'parameters and GFLOP of every model',
    'faults.gallery': 'draw every fault on the rendered drive',
}


def main() -> None:
    """Print every command with a line of what it does."""
    print('Commands, each with --help:\n')
    for name, description in COMMANDS.items():
        print(f'  python -m siammcvae_core.{name:27} {description}')


if __name__ == '__main__':
    main()
