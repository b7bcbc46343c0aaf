export const charts = {
  "charts.real": "real",
  "charts.synthetic": "synthetic",
  "charts.value": "Value",
  "charts.others": "all others",
  "charts.nothing": "Nothing to draw: there are no values.",
  "charts.pairSentence": "{name}, real and synthetic: {share} of the rows lie elsewhere",
  "charts.ceiling": "reality {score}",
  "charts.floor": "naive {score}",
  "charts.notMeasured": "not measured",
} as const;
