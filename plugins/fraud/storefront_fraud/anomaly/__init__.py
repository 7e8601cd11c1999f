"""How unusual a purchase is, and how unlike itself a meter's usage: scores from 0 to 1 that say why."""

from storefront_fraud.anomaly.behaviour import Behaviour
from storefront_fraud.anomaly.combining import Reason, Score
from storefront_fraud.anomaly.detector import Detector
from storefront_fraud.anomaly.meter import MeterProfile, MeterScore, Reading, Week
from storefront_fraud.anomaly.profiles import Profile
from storefront_fraud.anomaly.world import GROUPS

__all__ = [
    "GROUPS",
    "Behaviour",
    "Detector",
    "MeterProfile",
    "MeterScore",
    "Profile",
    "Reading",
    "Reason",
    "Score",
    "Week",
]
