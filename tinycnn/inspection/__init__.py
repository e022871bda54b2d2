"""Looking into a network: what it is made of, and what happens inside when it runs."""

from tinycnn.inspection.answers import mistakes, show_batch
from tinycnn.inspection.diagnosis import Diagnosis, diagnose
from tinycnn.inspection.explain import ConvExplanation, explain_conv
from tinycnn.inspection.finding import Finding
from tinycnn.inspection.heads import HeadGradients, TugOfWar, head_gradients
from tinycnn.inspection.maps import Activations, activations, filters
from tinycnn.inspection.pixels import Occlusion, Saliency, occlusion, saliency
from tinycnn.inspection.provenance import Provenance, provenance
from tinycnn.inspection.pulls import Pulls, head_pulls
from tinycnn.inspection.receptive import Field, fields_table, receptive_field, receptive_fields
from tinycnn.inspection.report import report
from tinycnn.inspection.summary import Row, Summary, summary
from tinycnn.inspection.trace import Trace, trace

__all__ = [
    "Activations", "ConvExplanation", "Diagnosis", "Field", "Finding", "HeadGradients", "Occlusion", "Provenance",
    "Pulls", "Row", "Saliency", "Summary", "Trace", "TugOfWar", "activations", "diagnose", "explain_conv",
    "fields_table", "filters", "head_gradients", "head_pulls", "mistakes", "occlusion", "provenance",
    "receptive_field", "receptive_fields", "report", "saliency", "show_batch", "summary", "trace",
]
