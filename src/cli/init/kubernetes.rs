//! `kubernetes.yaml`: a Deployment that the restricted Pod Security Standard admits, and a Service in front of it.

use std::fmt::Write as _;

use super::compose::yaml;
use super::facts::Facts;

pub(super) fn text(facts: &Facts) -> String {
    let Facts { name, port, account, .. } = facts;
    let mut text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels:\n    app.kubernetes.io/name: {name}\nspec:\n  \
         replicas: 2\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: {name}\n  template:\n    metadata:\n      labels:\n        \
         app.kubernetes.io/name: {name}\n    spec:\n      automountServiceAccountToken: false\n      securityContext:\n"
    );
    if account.uid != 0 {
        let _ = writeln!(
            text,
            "        runAsNonRoot: true\n        runAsUser: {}\n        runAsGroup: {}\n        fsGroup: {}",
            account.uid, account.gid, account.gid
        );
    }
    let _ = write!(
        text,
        "        seccompProfile:\n          type: RuntimeDefault\n      containers:\n        - name: {name}\n          # The image as \
         you push it, best by its digest.\n          image: {name}:latest\n"
    );
    if let Some(port) = port {
        let _ = writeln!(text, "          ports:\n            - name: http\n              containerPort: {port}");
        let probe = match &facts.health {
            Some(path) => {
                format!("            httpGet:\n              path: {}\n              port: http\n", yaml(path))
            }
            None => "            tcpSocket:\n              port: http\n".to_owned(),
        };
        for (name, more) in [
            ("startupProbe", "            periodSeconds: 2\n            failureThreshold: 30\n"),
            ("readinessProbe", "            periodSeconds: 5\n"),
            ("livenessProbe", "            periodSeconds: 10\n            failureThreshold: 3\n"),
        ] {
            let _ = write!(text, "          {name}:\n{probe}{more}");
        }
    }
    if !facts.services.is_empty() {
        text.push_str("          env:\n");
        for (variable, _) in facts.services.iter().map(|service| service.address) {
            let key = variable.to_ascii_lowercase().replace('_', "-");
            let _ = writeln!(
                text,
                "            - name: {variable}\n              valueFrom:\n                secretKeyRef:\n                  name: \
                 {name}\n                  key: {key}"
            );
        }
    }
    text.push_str(
        "          resources:\n            requests:\n              cpu: 100m\n              memory: 128Mi\n            limits:\n              \
         memory: 512Mi\n          securityContext:\n            allowPrivilegeEscalation: false\n            capabilities:\n              \
         drop:\n                - ALL\n",
    );
    if facts.writes_nothing {
        text.push_str(
            "            readOnlyRootFilesystem: true\n          volumeMounts:\n            - name: tmp\n              mountPath: /tmp\n      \
             volumes:\n        - name: tmp\n          emptyDir: {}\n",
        );
    }
    if port.is_some() {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  labels:\n    app.kubernetes.io/name: \
             {name}\nspec:\n  selector:\n    app.kubernetes.io/name: {name}\n  ports:\n    - name: http\n      port: 80\n      \
             targetPort: http\n"
        );
    }
    text
}
